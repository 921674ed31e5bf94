/** One file on its way into the city: what it holds, what was decided, what came of it. */
import { computed, onBeforeUnmount, reactive, ref, shallowRef } from 'vue'

import { imports, type Datum, type ImportDetail, type ImportOptions, type ImportTarget, type ImportTask, type LayerLook } from '@/api/imports'
import { useRun } from '@/work/useRun'

export const STEPS = ['upload', 'inspect', 'mapping', 'try', 'report'] as const
export type Step = (typeof STEPS)[number]
const POLL_MS = 700

interface Choice {
  layer: string | null
  target: string | null
  source: string
  srid: number | null
  /** null: as the file says. */
  datum: Datum | null
  encoding: string
  key: string
  within: string | null
  level: string
  map: Record<string, string>
  set: Record<string, string>
  removeMissing: boolean
}

export function useImport() {
  const task = shallowRef<ImportDetail | null>(null)
  const recent = shallowRef<ImportTask[]>([])
  const targets = shallowRef<ImportTarget[]>([])
  const step = ref<Step>('upload')
  const sent = ref<number | null>(null)
  const { busy, error, run } = useRun()
  const choice = reactive<Choice>(blank())
  const stopping = ref(false)
  let timer = 0

  const layers = computed<LayerLook[]>(() => task.value?.inspection.layers ?? [])
  const layer = computed(() => layers.value.find(({ name }) => name === choice.layer) ?? null)
  const isOsm = computed(() => task.value?.inspection.format === 'osm')
  const target = computed(() => targets.value.find(({ key }) => key === choice.target) ?? null)
  const working = computed(() => task.value?.state === 'queued' || task.value?.state === 'running')
  /** The evidence says something else than the file, and nobody has decided yet. */
  const undecided = computed(() => {
    const found = layer.value
    if (!found || isOsm.value || choice.datum !== null) return false
    return found.srid === null ? choice.srid === null : (found.evidence?.confidence ?? 0) >= 0.5 && found.evidence?.proposal.datum !== (found.datum ?? 'wgs84')
  })

  async function begin(): Promise<void> {
    await run(async () => {
      targets.value = await imports.targets()
      recent.value = await imports.list()
    })
  }

  async function handIn(file: File): Promise<void> {
    sent.value = 0
    const made = await run(() => imports.handIn(file, (share) => (sent.value = share)))
    sent.value = null
    if (!made) return
    Object.assign(choice, blank())
    take(made)
    step.value = 'inspect'
  }

  /** Takes what the server says of a file, and what it proposes where nothing was decided yet. */
  function take(found: ImportDetail): void {
    task.value = found
    const known = { ...found.inspection.remembered, ...found.options } as Record<string, unknown>
    const first = found.inspection.layers?.[0]
    if (choice.source === '') choice.source = String(known.source ?? found.inspection.source ?? '')
    if (!found.inspection.layers?.some(({ name }) => name === choice.layer)) pickLayer(String(known.layer ?? first?.name ?? ''), known)
  }

  function pickLayer(name: string, known: Record<string, unknown> = {}): void {
    const found = layers.value.find((one) => one.name === name) ?? layers.value[0]
    if (!found) return
    choice.layer = found.name
    choice.target = String(known.target ?? found.target ?? '') || null
    choice.srid = (known.srid as number | undefined) ?? found.srid
    choice.datum = (known.datum as Datum | undefined) ?? null
    choice.encoding = String(known.encoding ?? '')
    choice.key = String(known.key_field ?? known.key ?? found.key ?? '')
    propose(known)
  }

  /** The fields that would fill the target's columns; what was said last time goes before. */
  function propose(known: Record<string, unknown> = {}): void {
    const guessed = (choice.target && layer.value?.mappings?.[choice.target]) || {}
    const said = (known.field_map ?? known.map ?? {}) as Record<string, string>
    const fields = new Set(layer.value?.fields.map(({ name }) => name))
    choice.map = {}
    for (const column of target.value?.columns ?? Object.keys(guessed)) {
      const field = said[column] ?? guessed[column]
      if (field && fields.has(field)) choice.map[column] = field
    }
    choice.set = { ...((known.constants ?? known.set ?? {}) as Record<string, string>) }
  }

  function options(): ImportOptions {
    const plain = Object.entries({
      source: choice.source.trim(), within: choice.within, encoding: choice.encoding.trim(), key: choice.key, level: choice.level, datum: choice.datum,
      ...(isOsm.value ? {} : { layer: layers.value.length > 1 ? choice.layer : null, target: choice.target, srid: choice.srid !== layer.value?.srid ? choice.srid : null }),
    }).filter(([, value]) => value !== null && value !== '')
    const guessed = (choice.target && layer.value?.mappings?.[choice.target]) || {}
    const map = Object.fromEntries(Object.entries(choice.map).filter(([column, field]) => field && guessed[column] !== field))
    const set = Object.fromEntries(Object.entries(choice.set).filter(([, value]) => value.trim()))
    return { ...Object.fromEntries(plain), ...(Object.keys(map).length ? { map } : {}), ...(Object.keys(set).length ? { set } : {}), ...(choice.removeMissing ? { remove_missing: true } : {}) }
  }

  /** What is said so far of how to read the numbers. */
  const reading = computed<ImportOptions>(() => ({
    ...(layers.value.length > 1 && choice.layer ? { layer: choice.layer } : {}),
    ...(choice.source.trim() ? { source: choice.source.trim() } : {}),
    ...(layer.value?.encoding && choice.encoding ? { encoding: choice.encoding } : {}),
    ...(layer.value?.srid ? { srid: layer.value.srid } : {}),
  }))

  async function cancel(): Promise<void> {
    const now = task.value
    if (!now) return
    stopping.value = true
    await run(() => imports.cancel(now.id))
    await refresh(now.id)
  }

  async function refresh(id: number): Promise<void> {
    const found = await run(() => imports.one(id))
    if (found && task.value?.id === id) task.value = found
  }

  async function lookAgain(): Promise<void> {
    const now = task.value
    if (!now) return
    const found = await run(() => imports.lookAgain(now.id, { ...(choice.encoding ? { encoding: choice.encoding } : {}), ...(choice.srid ? { srid: choice.srid } : {}) }))
    if (found) task.value = found
  }

  async function open(id: number): Promise<void> {
    const found = await run(() => imports.one(id))
    if (!found) return
    Object.assign(choice, blank())
    take(found)
    const under = found.state === 'running' || found.state === 'queued'
    step.value = found.state === 'done' || (found.state === 'refused' && found.report) || (under && !found.dry_run) ? 'report' : found.state === 'tried' || under ? 'try' : 'inspect'
    watch_()
  }

  async function start(dry: boolean): Promise<void> {
    const now = task.value
    if (!now) return
    const queued = await run(() => (dry ? imports.dryRun(now.id, options()) : imports.run(now.id, options())))
    if (!queued) return
    task.value = { ...now, ...queued, issues: { issues: [], next: null } }
    step.value = dry ? 'try' : 'report'
    stopping.value = false
    watch_()
  }

  /** Asks until the job is over. */
  function watch_(): void {
    clearTimeout(timer)
    if (!task.value || !working.value) return
    timer = window.setTimeout(async () => {
      const id = task.value?.id
      if (id === undefined) return
      try {
        const found = await imports.one(id)
        if (task.value?.id === id) task.value = found
      } catch (problem) {
        error.value = problem
      }
      if (!working.value) recent.value = await imports.list().catch(() => recent.value)
      watch_()
    }, POLL_MS)
  }

  function leave(): void {
    clearTimeout(timer)
    task.value = null
    error.value = null
    step.value = 'upload'
    void begin()
  }

  onBeforeUnmount(() => clearTimeout(timer))
  return { task, recent, targets, step, sent, busy, error, choice, layers, layer, target, isOsm, working, undecided, stopping, reading, cancel, begin, handIn, pickLayer, propose, lookAgain, open, start, leave }
}

function blank(): Choice {
  return { layer: null, target: null, source: '', srid: null, datum: null, encoding: '', key: '', within: null, level: '', map: {}, set: {}, removeMissing: false }
}

export type ImportUse = ReturnType<typeof useImport>
