/** Who was there: the place in hand, the search under way, and what it found, also on the map. */
import { computed, onBeforeUnmount, ref, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'

import { features } from '@/api/features'
import { unitSearch, type Presence, type PresenceSearch, type Visit } from '@/api/units'
import { Pencil } from '@/core/draw'
import { boxOf, circle, covers, type Area } from '@/core/ground'
import { lineAlong, pointAt } from '@/core/marks'
import { NOTHING } from '@/core/style'
import { useLook } from '@/look'
import { errorText } from '@/wall/text'

import { useWall } from './useWall'

export const TAKEN = ['unit_grid', 'responsibility_grid', 'area_community', 'area_street', 'zone'] as const
export type Taken = (typeof TAKEN)[number]
export type Tool = 'draw' | 'take' | 'circle'
export interface Place {
  area: Area
  name: string
}

const PENCIL = '#ff9f43'
const LONGEST_TRACK_MS = 7 * 86_400_000

/** The whole span, or where it is longer than a track may be, a week from shortly before the first sight on. */
function trackSpan(search: PresenceSearch, visit: Visit): { from: number; to: number } {
  const [from, to] = [Date.parse(search.from), Date.parse(search.to)]
  if (to - from <= LONGEST_TRACK_MS) return { from, to }
  const begin = Math.max(from, Date.parse(visit.first_seen) - 3_600_000)
  return { from: begin, to: Math.min(to, begin + LONGEST_TRACK_MS) }
}

export function usePresence() {
  const { t } = useI18n()
  const look = useLook()
  const wall = useWall()
  const tool = ref<Tool | null>(null)
  const taken = ref<Taken>('unit_grid')
  const radius = ref(300)
  const place = shallowRef<Place | null>(null)
  const found = shallowRef<Presence | null>(null)
  /** What was searched for: tracks and the file are asked for with the same. */
  const asked = shallowRef<PresenceSearch | null>(null)
  const chosen = ref<number | null>(null)
  const problem = ref('')
  const hint = ref('')
  const since = ref<number | null>(null)
  let centre: { lon: number; lat: number } | null = null
  let pencil: Pencil | null = null
  let giveUp: AbortController | null = null
  const layers = computed(() => TAKEN.filter((key) => wall.layers.value.some((layer) => layer.key === key)))

  function put(area: Area | null, name = ''): void {
    place.value = area && { area, name }
    found.value = null
    asked.value = null
    problem.value = ''
  }

  function stop(): void {
    pencil?.destroy()
    pencil = null
    wall.map.value?.rest()
    tool.value = null
    hint.value = ''
  }

  function start(kind: Tool): void {
    const same = tool.value === kind
    stop()
    const map = wall.map.value
    if (!map || same) return
    tool.value = kind
    hint.value = t(`presence.hint.${kind}`)
    if (kind === 'draw') {
      put(null)
      pencil = new Pencil(map, {
        onChange: () => undefined,
        onFinish: (shape) => {
          stop()
          if (shape.type === 'Polygon') put(shape, t('presence.drawn'))
        },
        onCancel: stop,
      }, PENCIL)
      pencil.snapping = false
      pencil.begin('polygon')
    } else map.aim(({ lon, lat }) => (kind === 'take' ? void take(lon, lat) : around(lon, lat)), stop)
  }

  /** The smallest feature of the layer there. */
  async function take(lon: number, lat: number): Promise<void> {
    const layer = taken.value
    try {
      const { features: here } = await features.page(layer, { bbox: [lon, lat, lon, lat].join(','), limit: 50 })
      if (tool.value !== 'take') return
      const [hit] = here.filter(({ geometry }) => (geometry?.type === 'Polygon' || geometry?.type === 'MultiPolygon') && covers(geometry, lon, lat))
      if (!hit) {
        hint.value = t('presence.nothingHere', { layer: t(`presence.layer.${layer}`) })
        return
      }
      const { name, name_en, code } = hit.properties as Record<string, string | null>
      stop()
      put(hit.geometry as Area, look.named(name, name_en) || code || '')
    } catch (error) {
      hint.value = errorText(error, t('common.unreachable'))
    }
  }

  function around(lon: number, lat: number): void {
    centre = { lon, lat }
    put(circle(lon, lat, radius.value), t('presence.around', { n: radius.value }))
    hint.value = t('presence.hint.circle')
  }
  watch(radius, (metres) => {
    if (centre && tool.value === 'circle' && metres >= 10) around(centre.lon, centre.lat)
  })

  async function search(span: { from: number; to: number }, reason: string): Promise<void> {
    if (!place.value) return
    stop()
    giveUp?.abort()
    const mine = (giveUp = new AbortController())
    const wanted: PresenceSearch = { polygon: place.value.area, from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString(), reason }
    found.value = null
    chosen.value = null
    problem.value = ''
    since.value = Date.now()
    try {
      found.value = await unitSearch.presence(wanted, mine.signal)
      asked.value = wanted
      wall.map.value?.fit(boxOf(wanted.polygon), 17)
    } catch (error) {
      problem.value = mine.signal.aborted ? t('presence.givenUp') : errorText(error, t('common.unreachable'))
    } finally {
      since.value = null
    }
  }

  /** A visitor's track in the span, for the reason that the search was made for. */
  async function show(visit: Visit): Promise<void> {
    chosen.value = visit.unit_id
    const search = asked.value
    if (!search) return
    problem.value = ''
    try {
      wall.choose(visit.unit_id, false)
      const any = await wall.showTrack(visit.unit_id, trackSpan(search, visit), search.reason)
      if (!any) {
        wall.clearTrack()
        problem.value = t('presence.oneFix')
        if (visit.first_at) wall.map.value?.fly(...visit.first_at, 17)
      }
    } catch (error) {
      problem.value = errorText(error, t('common.unreachable'))
    }
  }

  async function keep(): Promise<void> {
    problem.value = ''
    try {
      if (asked.value) await unitSearch.presenceFile(asked.value)
    } catch (error) {
      problem.value = errorText(error, t('common.unreachable'))
    }
  }

  function draw(): void {
    const shapes: GeoJSON.Feature[] = place.value ? [{ type: 'Feature', geometry: place.value.area, properties: {} }] : []
    for (const visit of found.value?.units ?? []) {
      const own = visit.unit_id === chosen.value
      const { first_at: first, last_at: last } = visit
      if (first) shapes.push(pointAt(first, { role: 'first', text: chosen.value === null || own ? look.named(visit.name, visit.name_en) : '', chosen: own }))
      if (own && first && last && visit.fixes > 1) shapes.push(pointAt(last, { role: 'last', text: '', chosen: true }), lineAlong([first, last], {}))
    }
    wall.map.value?.show('own-search', { type: 'FeatureCollection', features: shapes })
  }
  watch([place, found, chosen, () => look.language], draw)

  onBeforeUnmount(() => {
    stop()
    giveUp?.abort()
    wall.map.value?.show('own-search', NOTHING)
  })

  return { tool, taken, layers, radius, place, found, asked, chosen, problem, hint, since, start, stop, put, search, cancel: () => giveUp?.abort(), show, keep }
}
