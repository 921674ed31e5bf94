/** The feature in hand: its columns, its history, changes to it. */
import { ref, shallowRef } from 'vue'

import { features, type FeatureChange, type FeatureRecord, type Properties } from '@/api/features'
import { useRun } from '@/work/useRun'

export function useFeature(changed: () => void) {
  const layer = ref<string | null>(null)
  const record = shallowRef<FeatureRecord | null>(null)
  const changes = shallowRef<FeatureChange[] | null>(null)
  const { busy, error, run } = useRun()
  /** What was taken away last, to bring it back. */
  const gone = shallowRef<{ edit: number; title: string } | null>(null)

  async function open(key: string, id: number, mayEdit: boolean): Promise<FeatureRecord | null> {
    layer.value = key
    const found = await run(() => features.one(key, id))
    record.value = found
    changes.value = null
    if (found && mayEdit) await loadHistory()
    return found
  }

  async function loadHistory(): Promise<void> {
    const [key, now] = [layer.value, record.value]
    if (!key || !now) return
    const found = await run(() => features.history(key, now.id))
    if (found && record.value?.id === now.id) changes.value = found.changes
  }

  async function change(body: { geometry?: GeoJSON.Geometry; properties?: Properties }, reason: string): Promise<boolean> {
    const [key, now] = [layer.value, record.value]
    if (!key || !now) return false
    const done = await run(() => features.change(key, now, { ...body, reason }))
    if (!done) return false
    record.value = done.feature
    changed()
    await loadHistory()
    return true
  }

  async function add(key: string, geometry: GeoJSON.Geometry, properties: Properties, reason: string): Promise<boolean> {
    const done = await run(() => features.add(key, { geometry, properties, reason }))
    if (!done) return false
    layer.value = key
    record.value = done.feature
    changed()
    await loadHistory()
    return true
  }

  async function remove(reason: string): Promise<boolean> {
    const [key, now] = [layer.value, record.value]
    if (!key || !now) return false
    const done = await run(() => features.remove(key, now, reason))
    if (!done) return false
    close()
    gone.value = done.edit_id === null ? null : { edit: done.edit_id, title: String(now.properties.name ?? now.properties.code ?? `#${now.id}`) }
    changed()
    return true
  }

  async function bringBack(reason: string): Promise<void> {
    const last = gone.value
    if (!last || !(await run(() => features.undo(last.edit, reason)))) return
    gone.value = null
    changed()
  }

  async function undo(edit: number, reason: string): Promise<boolean> {
    const [key, now] = [layer.value, record.value]
    if (!key || !now) return false
    const done = await run(() => features.undo(edit, reason))
    if (!done) return false
    changed()
    const found = await run(() => features.history(key, now.id))
    record.value = found?.now ?? null
    changes.value = found?.changes ?? null
    return true
  }

  function close(): void {
    record.value = changes.value = null
    error.value = null
  }
  return { layer, record, changes, busy, error, gone, open, change, add, remove, undo, bringBack, close }
}
