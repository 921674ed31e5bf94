/**
 * State of the wall between the map (core) and the panels.
 *
 * Unit positions stay in typed arrays; the panels get a revision number about once a second and
 * read what they show.
 */
import { useQuery } from '@tanstack/vue-query'
import { computed, inject, nextTick, onBeforeUnmount, provide, ref, shallowRef, watch, type InjectionKey } from 'vue'

import { api } from '@/api/client'
import type { Area, LiveCounts, Overview, Unit } from '@/api/types'
import type { UnitState } from '@/core/frame'
import { WallMap, type MapFeature } from '@/core/map'
import { LiveSocket, type SocketState } from '@/core/socket'
import { tileAddresses } from '@/core/tiles'
import type { Span } from '@/core/spans'
import { summarise, type TrackPoint, type TrackSummary } from '@/core/track'
import { useLook } from '@/look'
import { useSession } from '@/session'

import { useAlerts } from './useAlerts'
import { districtsWithUnits, rememberedDistrict, rememberDistrict } from './home'

/** Up to this many units the whole scope is watched, so that the list knows everyone's state. */
const WATCH_ALL = 6000
const TILE_CHECK_MS = 60_000
const EVERYWHERE: [number, number, number, number] = [-180, -85, 180, 85]

export interface Point {
  x: number
  y: number
}

/** A place that units are looked for near. */
export interface Spot {
  lon: number
  lat: number
  name: string
}

/** A unit's track as it is drawn, and what it was asked with: files and the day are asked for likewise. */
export interface ShownTrack {
  unit: number
  summary: TrackSummary
  span: Span
  reason: string
  truncated: boolean
}

/** The panel at the map's right side; one at a time. */
export type Side = 'layers' | 'presence' | 'nearest' | 'alert'

function makeWall() {
  const look = useLook()
  const session = useSession()
  const mapReady = ref(false)
  const map = shallowRef<WallMap | null>(null)
  const directory = shallowRef(new Map<number, Unit>())
  const revision = ref(0)
  const counts = shallowRef<LiveCounts | null>(null)
  const socketState = ref<SocketState>('connecting')
  const staleSeconds = ref(0)
  const chosen = ref<number | null>(null)
  const following = ref(false)
  const stack = shallowRef<{ ids: number[]; at: Point } | null>(null)
  const feature = shallowRef<{ feature: MapFeature; at: Point } | null>(null)
  const hovered = shallowRef<{ id: number; at: Point } | null>(null)
  const track = shallowRef<ShownTrack | null>(null)
  const trackHover = shallowRef<{ point: TrackPoint; at: Point } | null>(null)
  const side = ref<Side | null>(null)
  const spot = shallowRef<Spot | null>(null)
  const view = shallowRef({ zoom: 0, metresPerPixel: 1 })
  const asked = new URLSearchParams(location.search)
  const district = ref<string | null>(rememberedDistrict())
  const alerts = useAlerts(() => map.value)
  let socket: LiveSocket | null = null

  const unitsQuery = useQuery({ queryKey: ['units'], queryFn: api.units, enabled: session.may('units.view') })
  const areasQuery = useQuery({ queryKey: ['areas'], queryFn: api.areas, staleTime: 300_000 })
  const layersQuery = useQuery({ queryKey: ['layers'], queryFn: api.layers, staleTime: 300_000 })
  const overviewQuery = useQuery({ queryKey: ['overview'], queryFn: api.overview, refetchInterval: 15_000 })
  const overview = computed<Overview | null>(() => overviewQuery.data.value ?? null)

  watch(unitsQuery.data, (units) => {
    if (!units) return
    directory.value = new Map(units.map((unit) => [unit.id, unit]))
    name()
    look_()
  }, { immediate: true })

  /** Gives the map the names it writes beside units. */
  function name(): void {
    map.value?.setNames(new Map([...directory.value].map(([id, unit]) => [id, look.named(unit.name, unit.name_en)])))
  }

  /** Tells the server what is looked at. */
  function look_(): void {
    if (!map.value || !socket) return
    if (unitsQuery.isPending.value && session.may('units.view')) return
    socket.look(directory.value.size <= WATCH_ALL ? EVERYWHERE : map.value.bbox(), Math.round(view.value.zoom))
  }

  // --- the map ---
  function mount(container: HTMLElement, title: string): void {
    const numbers = (key: string, n: number) => {
      const parts = asked.get(key)?.split(',').map(Number)
      return parts?.length === n && parts.every(Number.isFinite) ? parts : null
    }
    const askedView = numbers('view', 3)
    const bbox = numbers('bbox', 4) as [number, number, number, number] | null
    const wallMap = new WallMap(
      {
        container, title,
        theme: look.theme,
        language: look.language,
        view: askedView ? { lon: askedView[0]!, lat: askedView[1]!, zoom: askedView[2]! } : undefined,
        bbox: bbox ?? undefined,
        reducedMotion: matchMedia('(prefers-reduced-motion: reduce)').matches,
      },
      {
        onPick: (ids, at) => {
          feature.value = null
          stack.value = ids.length > 1 ? { ids, at } : null
          if (ids.length === 1) choose(ids[0]!, false)
          else if (ids.length === 0) choose(null)
        },
        onFeature: (hit, at) => {
          stack.value = null
          if (hit.layer === 'alert-icon') inspect(Number(hit.properties.id))
          else feature.value = { feature: hit, at }
        },
        onHover: (id, at) => (hovered.value = id === null ? null : { id, at }),
        onTrackHover: (point, at) => (trackHover.value = point ? { point, at } : null),
        onView: (_box, zoom, metresPerPixel) => {
          view.value = { zoom, metresPerPixel }
          look_()
        },
        onGrab: () => {
          stack.value = feature.value = null
          if (following.value) follow(false)
        },
        onReady: () => (mapReady.value = true),
      },
    )
    map.value = wallMap
    name()
    Object.assign(window, { wall: { map: wallMap.map, core: wallMap, counts: () => wallMap.counts(), units: () => wallMap.units(), select: (id: number) => choose(id) } })
    connect()
  }

  watch(() => look.theme, (theme) => map.value?.set({ theme }))
  watch(() => look.language, (language) => {
    map.value?.set({ language })
    name()
  })

  async function placeTiles(): Promise<void> {
    const layers = layersQuery.data.value
    if (!layers || !map.value) return
    const tiles = await tileAddresses(new Set(layers.map((layer) => layer.key)))
    if (JSON.stringify(tiles) !== shownTiles) {
      shownTiles = JSON.stringify(tiles)
      map.value?.set({ tiles })
    }
  }
  let shownTiles = ''
  const tilesFailed = ref(false)
  function refreshTiles(): void {
    placeTiles().then(
      () => (tilesFailed.value = false),
      (error: unknown) => {
        console.warn('tiles:', error)
        tilesFailed.value = true
      },
    )
  }
  watch([layersQuery.data, map], refreshTiles)
  /** New city data shows without a reload: the address of a tile changes with its data. */
  const tileTimer = setInterval(refreshTiles, TILE_CHECK_MS)

  // --- live ---
  let dirty = false
  function connect(): void {
    socket = new LiveSocket(
      { url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/live` },
      {
        onFrame: (frame) => {
          map.value?.apply(frame)
          if (revision.value === 0) revision.value = 1
          dirty = true
        },
        onWelcome: alerts.welcome,
        onAlert: alerts.take,
        onCounts: (live) => (counts.value = live),
        onReset: () => {
          void unitsQuery.refetch()
          void alerts.reload()
          void overviewQuery.refetch()
        },
        onUnitsChanged: () => void unitsQuery.refetch(),
        onState: (state) => (socketState.value = state),
        onStale: (seconds) => (staleSeconds.value = seconds),
      },
    )
    socket.start()
    look_()
  }
  const beat = setInterval(() => {
    if (!dirty) return
    dirty = false
    revision.value++
  }, 1000)

  onBeforeUnmount(() => {
    clearInterval(beat)
    clearInterval(tileTimer)
    socket?.stop()
    alerts.stop()
    map.value?.destroy()
    map.value = null
  })

  /** State of a unit as the map knows it; null when it is not in the frames. */
  function stateOf(id: number): UnitState | null {
    return map.value?.positions.unit(id)?.state ?? null
  }

  // --- choosing ---
  function choose(id: number | null, fly = true): void {
    stack.value = null
    feature.value = null
    if (id !== chosen.value && following.value) following.value = false
    chosen.value = id
    map.value?.choose(id, following.value)
    if (id !== null && fly) map.value?.flyToUnit(id)
  }

  function follow(on: boolean): void {
    following.value = on && chosen.value !== null
    map.value?.choose(chosen.value, following.value)
    if (following.value && chosen.value !== null) map.value?.flyToUnit(chosen.value)
  }

  // --- track ---
  async function showTrack(id: number, span: Span, reason: string): Promise<boolean> {
    const found = await api.track(id, { reason, from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() })
    const summary = summarise(found)
    if (!summary) return false
    if (following.value) follow(false)
    track.value = { unit: id, summary, span, reason, truncated: found.properties.truncated ?? false }
    await nextTick()
    map.value?.setTrack(summary)
    return true
  }

  function clearTrack(): void {
    track.value = null
    trackHover.value = null
    map.value?.setTrack(null)
  }

  // --- side panels ---
  function toggle(panel: Side): void {
    side.value = side.value === panel ? null : panel
  }

  /** Looks for units near a place. */
  function askNear(place: Spot): void {
    spot.value = place
    side.value = 'nearest'
  }

  /** An alert with its evidence and its story. */
  function inspect(id: number): void {
    const known = alerts.all.value.get(id)
    if (known) alerts.show(known)
    else alerts.pick(id)
    side.value = 'alert'
  }

  // --- home ---
  const areas = computed<Area[]>(() => areasQuery.data.value ?? [])
  const districts = computed(() => districtsWithUnits(areas.value, unitsQuery.data.value ?? []))
  const home = computed(() => districts.value.find((area) => area.code === district.value) ?? districts.value[0] ?? null)

  function goHome(): void {
    follow(false)
    if (home.value?.bbox) map.value?.fit(home.value.bbox, 15)
  }

  function goDistrict(code: string): void {
    district.value = code
    rememberDistrict(code)
    goHome()
  }

  let homed = Boolean(asked.get('bbox') ?? asked.get('view'))
  const settled = computed(() => !unitsQuery.isLoading.value && !areasQuery.isLoading.value)
  watch([map, home, settled], () => {
    if (homed || !map.value || !home.value?.bbox || !settled.value) return
    homed = true
    map.value.map.fitBounds(home.value.bbox, { padding: 28, animate: false })
  })

  const loading = computed(() => layersQuery.isPending.value || areasQuery.isPending.value)
  const failed = computed(() => tilesFailed.value || layersQuery.isError.value || areasQuery.isError.value || unitsQuery.isError.value)
  function retry(): void {
    for (const query of [layersQuery, areasQuery, unitsQuery, overviewQuery]) if (query.isError.value) void query.refetch()
    refreshTiles()
  }

  return {
    map, mapReady, directory, revision, counts, overview, socketState, staleSeconds, chosen, following, stack, feature, hovered, track, trackHover, side, spot,
    view, areas, districts, home, layers: computed(() => layersQuery.data.value ?? []), alerts, loading, failed, retry,
    mount, choose, follow, stateOf, showTrack, clearTrack, toggle, askNear, inspect, goHome, goDistrict,
  }
}

export type Wall = ReturnType<typeof makeWall>
const KEY: InjectionKey<Wall> = Symbol('wall')

export function provideWall(): Wall {
  const wall = makeWall()
  provide(KEY, wall)
  return wall
}

export function useWall(): Wall {
  const wall = inject(KEY)
  if (!wall) throw new Error('useWall() outside the wall page')
  return wall
}
