/** The alert list: open ones from the socket, earlier ones by page, sounds, acknowledging and closing. */
import { computed, ref, shallowRef, watch } from 'vue'

import { alertApi } from '@/api/alerts'
import { ProblemError } from '@/api/http'
import type { Alert } from '@/api/types'
import type { WallMap } from '@/core/map'
import type { AlertEvent } from '@/core/socket'
import { Sound } from '@/core/sound'

/** A new alert is lit up for this long. */
const FRESH_MS = 6000
const PAGE = 50

export function useAlerts(map: () => WallMap | null) {
  const all = shallowRef(new Map<number, Alert>())
  const chosen = ref<number | null>(null)
  const fresh = ref(new Set<number>())
  const latest = shallowRef<Alert | null>(null)
  const filter = ref<'open' | 'all'>('open')
  const next = ref<string | null>(null)
  const muted = ref(false)
  const onDuty = ref(false)
  const sound = new Sound()

  const rank = (alert: Alert) => (alert.closed_at ? 0 : alert.acknowledged_at ? 1 : 2)
  const open = computed(() => [...all.value.values()].filter((alert) => !alert.closed_at))
  const shown = computed(() => {
    const alerts = filter.value === 'open' ? open.value : [...all.value.values()]
    return alerts.sort((a, b) => (filter.value === 'open' ? rank(b) - rank(a) : 0) || b.opened_at.localeCompare(a.opened_at) || b.id - a.id)
  })

  function put(alerts: Alert[]): void {
    const changed = new Map(all.value)
    for (const alert of alerts) changed.set(alert.id, alert)
    all.value = changed
  }

  watch([open, chosen], () => {
    map()?.setAlerts(open.value, chosen.value)
    sound.keep(new Set(open.value.filter((alert) => !alert.acknowledged_at).map((alert) => alert.id)))
  })

  /** Open alerts after each connection: what is open no more is dropped or fetched again. */
  function welcome(alerts: Alert[]): void {
    const kept = new Map([...all.value].filter(([, alert]) => alert.closed_at))
    for (const alert of alerts) kept.set(alert.id, alert)
    all.value = kept
    for (const alert of alerts) if (alert.severity === 'critical' && !alert.acknowledged_at) sound.demand(alert.id)
  }

  function take(event: AlertEvent, alert: Alert): void {
    put([alert])
    if (event !== 'opened') return
    latest.value = alert
    sound.play(alert.severity)
    if (alert.severity === 'critical') sound.demand(alert.id)
    fresh.value = new Set([...fresh.value, alert.id])
    setTimeout(() => {
      const left = new Set(fresh.value)
      left.delete(alert.id)
      fresh.value = left
    }, FRESH_MS)
  }

  async function reload(): Promise<void> {
    const { alerts, next: cursor } = await alertApi.list({ state: filter.value, limit: PAGE })
    next.value = filter.value === 'all' ? cursor : null
    put(alerts)
  }

  async function more(): Promise<void> {
    const { alerts, next: cursor } = await alertApi.list({ state: 'all', limit: PAGE, cursor: next.value })
    next.value = cursor
    put(alerts)
  }

  watch(filter, (value) => {
    if (value === 'all') void reload()
  })

  /** Runs a change; if somebody was faster (409) the list is fetched again and the error passed on. */
  async function change(act: () => Promise<Alert>): Promise<void> {
    try {
      put([await act()])
    } catch (error) {
      if (error instanceof ProblemError && error.status === 409) await reload()
      throw error
    }
  }

  function pick(id: number | null): void {
    chosen.value = id
  }

  function show(alert: Alert): void {
    chosen.value = alert.id
    const [lon, lat] = [alert.last_lon ?? alert.lon, alert.last_lat ?? alert.lat]
    if (lon !== null && lat !== null) map()?.fly(lon, lat, 16)
  }

  async function startDuty(): Promise<void> {
    await sound.unlock()
    onDuty.value = true
  }

  function toggleMute(): void {
    muted.value = !muted.value
    sound.muted = muted.value
  }

  return {
    all, open, shown, chosen, fresh, latest, filter, next, muted, onDuty,
    welcome, take, reload, more, pick, show, startDuty, toggleMute,
    acknowledge: (id: number, note?: string) => change(() => alertApi.acknowledge(id, note)),
    note: (id: number, note: string) => change(() => alertApi.note(id, note)),
    close: (id: number, note: string) => change(() => alertApi.close(id, note)),
    stop: () => sound.destroy(),
  }
}
