/** The draft that is open: its progress, its report, and changes to it. */
import { onBeforeUnmount, ref, shallowRef } from 'vue'

import { grids, type GridDraft, type GridDraftDetail, type GridIssue, type GridOptions, type LonLat, type Publication, type TopologyNumbers } from '@/api/city'

const POLL_MS = 700

export function useDraft() {
  const drafts = shallowRef<GridDraft[]>([])
  const draft = shallowRef<GridDraftDetail | null>(null)
  const report = shallowRef<{ version: number; numbers: TopologyNumbers; issues: GridIssue[] } | null>(null)
  const published = shallowRef<Publication | null>(null)
  const busy = ref(false)
  const error = shallowRef<unknown>(null)
  /** Rises when the cells on the map are no longer what they were. */
  const revision = ref(0)
  let timer = 0

  /** Runs one thing at a time; what goes wrong is shown and answers null. */
  async function run<T>(act: () => Promise<T>): Promise<T | null> {
    busy.value = true
    error.value = null
    try {
      return await act()
    } catch (problem) {
      error.value = problem
      return null
    } finally {
      busy.value = false
    }
  }

  async function loadList(): Promise<void> {
    await run(async () => (drafts.value = await grids.drafts()))
  }

  async function loadReport(): Promise<void> {
    if (draft.value?.state !== 'open') return
    const id = draft.value.id
    const found = await run(() => grids.report(id))
    if (found && draft.value?.id === id) report.value = found
  }

  async function look(id: number): Promise<void> {
    clearTimeout(timer)
    const found = await run(() => grids.draft(id))
    if (!found) return
    const before = draft.value
    draft.value = found
    if (before?.id !== id) report.value = published.value = null
    if (found.state === 'dividing') timer = window.setTimeout(() => void look(id), POLL_MS)
    else if (before?.state !== found.state || before.id !== id) {
      revision.value++
      await loadReport()
      if (!error.value) await loadList()
    }
  }

  async function start(area_code: string, options: GridOptions, reason: string): Promise<boolean> {
    const made = await run(() => grids.start({ area_code, options, reason }))
    if (!made) return false
    await look(made.id)
    await loadList()
    return true
  }

  async function operate(kind: 'split' | 'merge' | 'move_border' | 'undo', reason: string, cells?: number[], line?: LonLat[]): Promise<boolean> {
    const now = draft.value
    if (!now) return false
    const changed = await run(() => grids.operate(now.id, { version: now.version, kind, reason, ...(cells ? { cells } : {}), ...(line ? { line } : {}) }))
    if (!changed) return false
    draft.value = changed
    revision.value++
    await loadReport()
    return true
  }

  async function publish(reason: string): Promise<boolean> {
    const now = draft.value
    if (!now) return false
    const done = await run(() => grids.publish(now.id, { version: now.version, reason }))
    if (!done) return false
    await look(now.id)
    published.value = done
    return true
  }

  async function discard(reason: string): Promise<boolean> {
    const now = draft.value
    if (!now) return false
    const done = await run(async () => {
      await grids.discard(now.id, reason)
      return true
    })
    if (!done) return false
    close()
    await loadList()
    revision.value++
    return true
  }

  function close(): void {
    clearTimeout(timer)
    draft.value = report.value = published.value = null
  }

  onBeforeUnmount(() => clearTimeout(timer))
  return { drafts, draft, report, published, busy, error, revision, loadList, loadReport, look, start, operate, publish, discard, close }
}

export type DraftUse = ReturnType<typeof useDraft>
