/** One table of addresses: handed in, followed until it is located, reviewed row by row. */
import { computed, onBeforeUnmount, ref, shallowRef } from 'vue'

import { geocode, type AddressTable, type Decided, type Decision, type Status, type TableDetail, type TableRow } from '@/api/geocode'
import { useRun } from '@/work/useRun'

const POLL_MS = 800
const PAGE = 100

export function useTable() {
  const recent = shallowRef<AddressTable[]>([])
  const table = shallowRef<TableDetail | null>(null)
  const rows = shallowRef<TableRow[]>([])
  const next = ref<string | null>(null)
  const points = shallowRef<GeoJSON.FeatureCollection | null>(null)
  const status = ref<Status | null>(null)
  const undecided = ref(false)
  const sent = ref<number | null>(null)
  const { busy, error, run } = useRun()
  const working = computed(() => table.value?.state === 'queued' || table.value?.state === 'running')
  let timer = 0

  async function begin(): Promise<void> {
    const found = await run(geocode.tables)
    if (found) recent.value = found
  }
  async function handIn(file: File): Promise<void> {
    sent.value = 0
    const made = await run(() => geocode.handIn(file, (share) => (sent.value = share)))
    sent.value = null
    if (made) await take(made)
  }
  async function open(id: number): Promise<void> {
    const found = await run(() => geocode.table(id))
    if (found) await take(found)
  }
  async function take(found: TableDetail): Promise<void> {
    table.value = found
    rows.value = []
    points.value = null
    status.value = null
    undecided.value = false
    if (found.state === 'done') await results()
    follow()
  }
  async function start(address_column: string, district_column: string): Promise<void> {
    const id = table.value?.id
    if (id === undefined) return
    const queued = await run(() => geocode.run(id, { address_column, ...(district_column ? { district_column } : {}) }))
    if (queued) await take(queued)
  }
  /** Asks until the job is over. */
  function follow(): void {
    clearTimeout(timer)
    if (!working.value) return
    timer = window.setTimeout(async () => {
      const id = table.value?.id
      if (id === undefined) return
      try {
        const found = await geocode.table(id)
        if (table.value?.id !== id) return
        table.value = found
        if (found.state === 'done') await results()
      } catch (problem) {
        error.value = problem
      }
      follow()
    }, POLL_MS)
  }
  async function results(): Promise<void> {
    const id = table.value!.id
    const worth = table.value!.counts.some(({ status: one, rows: n, decided }) => one !== 'accepted' && n > decided)
    undecided.value = worth
    status.value = null
    await Promise.all([load(), run(async () => (points.value = await geocode.points(id)))])
  }
  async function load(more = false): Promise<void> {
    const id = table.value?.id
    if (id === undefined) return
    const found = await run(() => geocode.rows(id, { status: status.value, undecided: undecided.value, limit: PAGE, cursor: more ? next.value : null }))
    if (!found) return
    rows.value = more ? [...rows.value, ...found.rows] : found.rows
    next.value = found.next
  }
  async function decide(row: TableRow, body: Decision): Promise<Decided | null> {
    const id = table.value!.id
    const told = await run(() => geocode.decide(id, row.row_number, body))
    if (told) await renew(told.row)
    return told
  }
  async function takeBack(row: TableRow): Promise<void> {
    const id = table.value!.id
    const undone = await run(() => geocode.takeBack(id, row.row_number))
    if (undone) await renew(undone)
  }
  /** What was decided stays in the list, so that it can be taken back. */
  async function renew(fresh: TableRow): Promise<void> {
    const id = table.value!.id
    rows.value = rows.value.map((row) => (row.row_number === fresh.row_number ? fresh : row))
    await run(async () => {
      const [detail, spots] = await Promise.all([geocode.table(id), geocode.points(id)])
      table.value = detail
      points.value = spots
    })
  }
  async function clear(id: number): Promise<void> {
    await run(() => geocode.clear(id))
    leave()
  }
  function leave(): void {
    clearTimeout(timer)
    table.value = null
    void begin()
  }
  onBeforeUnmount(() => clearTimeout(timer))
  return { recent, table, rows, next, points, status, undecided, sent, busy, error, working, begin, handIn, open, start, load, decide, takeBack, clear, leave }
}
