/** The wall's map: MapLibre below, moving units by deck.gl above it, names on top. No framework here. */
import { MapLibreOverlay } from '@deck.gl/maplibre'
import { Map as MapLibreMap, setWorkerUrl, type MapMouseEvent } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'

import type { Alert, Bbox } from '@/api/types'

import { KINDS, STATES, type Frame, type UnitKind, type UnitState } from './frame'
import { drawIconsOnDemand } from './icons'
import { Labels } from './labels'
import { GROUPS } from './layers'
import { alertFeatures } from './marks'
import { PALETTES, rgba, type Theme } from './palette'
import { keepPencil, type Paper } from './paper'
import { Positions, type StateCounts, type UnitNow } from './positions'
import { SlideLayer, type SlideColors } from './slide'
import { buildStyle, NO_DATA, NOTHING, type OwnSource, type StyleState } from './style'
import type { Language } from './time'
import { nearestPoint, trackFeatures, type TrackPoint, type TrackSummary } from './track'

setWorkerUrl(workerUrl)

export interface View {
  lon: number
  lat: number
  zoom: number
}

export interface MapFeature {
  layer: string
  properties: Record<string, unknown>
  lon: number
  lat: number
}

export interface WallMapEvents {
  /** Units under the pointer, nearest first; several when stacked; none: the ground was clicked. */
  onPick(ids: number[], at: { x: number; y: number }): void
  onFeature(feature: MapFeature, at: { x: number; y: number }): void
  onHover(id: number | null, at: { x: number; y: number }): void
  onTrackHover(point: TrackPoint | null, at: { x: number; y: number }): void
  /** After each move of the camera. */
  onView(bbox: Bbox, zoom: number, metresPerPixel: number): void
  /** The hand took over: following ends. */
  onGrab(): void
  onReady(): void
}

export interface WallMapOptions {
  container: HTMLElement
  theme: Theme
  language: Language
  view?: View | undefined
  bbox?: Bbox | undefined
  reducedMotion: boolean
  /** What the browser says when the map gets the keyboard's focus. */
  title: string
}

const NAMES_FROM_ZOOM = 15.2
const CLICKABLE = ['alert-icon', 'component-icon', 'component-dot', 'facility']
const HIT_SLACK = 6
const PULSE_S = 1.4

/** Marks grow with the screen's height: a wall of 2160 lines is seen from farther away. */
function screenScale(container: HTMLElement): number {
  return Math.min(3, Math.max(1, container.clientHeight / 1080))
}

/** Body radius of a unit in pixels, at scale 1. */
export function unitRadius(zoom: number): number {
  const stops: [number, number][] = [[9, 1.8], [11, 2.6], [13, 5], [15, 8], [17, 11], [19, 14]]
  const next = stops.findIndex(([z]) => z > zoom)
  if (next === 0) return stops[0]![1]
  if (next < 0) return stops.at(-1)![1]
  const [[z0, r0], [z1, r1]] = [stops[next - 1]!, stops[next]!]
  return r0 + ((zoom - z0) / (z1 - z0)) * (r1 - r0)
}

export class WallMap implements Paper {
  drawing = false
  /** Pixels of the free middle that panels cover just now; what is fitted keeps out of them. */
  covered: () => { left: number; right: number; bottom: number } = () => ({ left: 0, right: 0, bottom: 0 })
  readonly map: MapLibreMap
  readonly positions = new Positions()
  private readonly overlay: MapLibreOverlay
  private readonly labels = new Labels()
  private state: StyleState
  private names = new Map<number, string>()
  private unitData: { length: number; attributes: Record<string, { value: Float32Array; size: number }> } = { length: 0, attributes: {} }
  private track: TrackSummary | null = null
  private chosen: number | null = null
  private following = false
  private hiddenKinds = 0
  private hiddenStates = 0
  private frame = 0
  private aimed: { act: (at: { lon: number; lat: number }) => void; cancelled: () => void } | null = null
  private dirty = true

  constructor(private readonly options: WallMapOptions, private readonly events: WallMapEvents) {
    this.state = {
      theme: options.theme,
      language: options.language,
      hidden: new Set(GROUPS.filter((group) => !group.on).map((group) => group.key)),
      opacity: {},
      scale: screenScale(options.container),
      tiles: [],
      data: NO_DATA,
    }
    const camera = options.view ? { center: [options.view.lon, options.view.lat] as [number, number], zoom: options.view.zoom } : options.bbox ? { bounds: options.bbox } : { center: [120, 30.5] as [number, number], zoom: 9 }
    this.map = new MapLibreMap({
      container: options.container,
      style: buildStyle(this.state),
      ...camera,
      minZoom: 7,
      maxZoom: 20,
      maxPitch: 65,
      attributionControl: false,
      fadeDuration: options.reducedMotion ? 0 : 200,
      canvasContextAttributes: { antialias: true },
      locale: { 'Map.Title': options.title },
    })
    drawIconsOnDemand(this.map)
    this.overlay = new MapLibreOverlay({ interleaved: false, layers: [], pickingRadius: 0 })
    this.map.addControl(this.overlay)
    this.map.getContainer().append(this.labels.canvas)
    this.listen()
    this.frame = requestAnimationFrame(this.tick)
  }

  destroy(): void {
    cancelAnimationFrame(this.frame)
    this.map.remove()
  }

  // --- what is shown ---------------------------------------------------------------------------

  set(change: Partial<Pick<StyleState, 'theme' | 'language' | 'hidden' | 'opacity' | 'tiles'>>): void {
    this.state = { ...this.state, ...change }
    this.restyle()
    if (change.theme) this.drawUnits()
  }

  setNames(names: Map<number, string>): void {
    this.names = names
    this.dirty = true
  }

  /** Kinds and states of units not to draw. */
  hideUnits(kinds: UnitKind[], states: UnitState[]): void {
    this.hiddenKinds = kinds.reduce((bits, kind) => bits | (1 << KINDS.indexOf(kind)), 0)
    this.hiddenStates = states.reduce((bits, state) => bits | (1 << STATES.indexOf(state)), 0)
    this.drawUnits()
  }

  setAlerts(alerts: Alert[], chosen: number | null): void {
    this.show('own-alert', alertFeatures(alerts, chosen))
  }

  setTrack(track: TrackSummary | null): void {
    this.track = track
    this.show('own-track', track ? trackFeatures(track) : NOTHING)
    this.setHere(null)
    if (!track) return
    const lons = track.points.map((p) => p.lon)
    const lats = track.points.map((p) => p.lat)
    this.fit([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)], 16)
  }

  /** A mark on the track, where the pointer is. */
  setHere(point: { lon: number; lat: number } | null): void {
    this.show('own-here', point ? { type: 'Point', coordinates: [point.lon, point.lat] } : NOTHING)
  }

  setPlace(place: { lon: number; lat: number } | null): void {
    this.show('own-place', place ? { type: 'Point', coordinates: [place.lon, place.lat] } : NOTHING)
  }

  /** What one of our own sources shows from now on. */
  show(source: OwnSource, data: GeoJSON.GeoJSON): void {
    if (this.state.data[source] === data) return
    this.state = { ...this.state, data: { ...this.state.data, [source]: data } }
    const live = this.map.getSource(source) as { setData?: (data: GeoJSON.GeoJSON) => void } | undefined
    live?.setData?.(data)
  }

  /** The next clicks go to `act` and to nobody else, until `rest` or `cancel`, of which `cancelled` hears. */
  aim(act: (at: { lon: number; lat: number }) => void, cancelled: () => void): void {
    this.aimed = { act, cancelled }
    this.map.getCanvas().style.cursor = 'crosshair'
  }

  /** Clicks go to what lies there, as ever. */
  rest(): void {
    this.aimed = null
    this.map.getCanvas().style.cursor = ''
  }

  /** True when there was something to cancel. */
  cancel(): boolean {
    const { aimed } = this
    this.rest()
    aimed?.cancelled()
    return aimed !== null
  }

  // --- units -----------------------------------------------------------------------------------

  apply(frame: Frame): void {
    this.positions.apply(frame, !this.options.reducedMotion && !document.hidden)
    const { n, target, start, glide, look } = this.positions
    this.unitData = {
      length: n,
      attributes: { getPosition: { value: target, size: 3 }, getStart: { value: start, size: 3 }, getGlide: { value: glide, size: 2 }, getLook: { value: look, size: 3 } },
    }
    this.drawUnits()
  }

  counts(): StateCounts {
    return this.positions.counts()
  }

  units(): UnitNow[] {
    return Array.from({ length: this.positions.n }, (_, s) => this.positions.unitAt(s))
  }

  choose(id: number | null, following = false): void {
    this.chosen = id
    this.following = id !== null && following
    this.dirty = true
  }

  // --- camera ----------------------------------------------------------------------------------

  fit(bbox: Bbox, maxZoom = 17): void {
    const { left, right, bottom } = this.covered()
    this.map.fitBounds([bbox[0], bbox[1], bbox[2], bbox[3]], { padding: { top: 36, left: 36 + left, right: 36 + right, bottom: 36 + bottom }, maxZoom, animate: !this.options.reducedMotion, duration: 900 })
  }

  fly(lon: number, lat: number, zoom = 16.2): void {
    const to = { center: [lon, lat] as [number, number], zoom: Math.max(this.map.getZoom(), zoom) }
    if (this.options.reducedMotion) this.map.jumpTo(to)
    else this.map.flyTo({ ...to, speed: 1.8, maxDuration: 2200 })
  }

  flyToUnit(id: number): boolean {
    const s = this.positions.slot(id)
    if (s < 0) return false
    this.fly(...this.positions.at(s))
    return true
  }

  zoomBy(step: number): void {
    this.map.zoomTo(this.map.getZoom() + step, { duration: this.options.reducedMotion ? 0 : 250 })
  }

  /** Leans the map for the buildings' sake, or lays it flat again. */
  toggleTilt(): void {
    this.map.easeTo({ pitch: this.map.getPitch() > 5 ? 0 : 52, bearing: 0, duration: this.options.reducedMotion ? 0 : 700 })
  }

  /** Pixels covered by panels: the middle of what stays free is the map's middle. */
  setPadding(padding: { top: number; right: number; bottom: number; left: number }): void {
    this.map.setPadding(padding)
  }

  bbox(): Bbox {
    return this.map.getBounds().toArray().flat() as Bbox
  }

  // --- within ----------------------------------------------------------------------------------

  private restyle(): void {
    this.map.setStyle(buildStyle(this.state), { diff: true, transformStyle: keepPencil })
    this.dirty = true
  }

  private shown = (kind: number, state: number): boolean => !((this.hiddenKinds >> kind) & 1) && !((this.hiddenStates >> state) & 1)

  private radius(): number {
    return unitRadius(this.map.getZoom()) * this.state.scale
  }

  private colors(): SlideColors {
    const { unit } = PALETTES[this.state.theme]
    return { offline: rgba(unit.offline), standing: rgba(unit.standing), moving: rgba(unit.moving), alert: rgba(unit.alert), rim: rgba(unit.rim) }
  }

  private lively = (): boolean => {
    if (document.hidden) return false
    const { positions } = this
    if (positions.gliding()) return true
    if (this.options.reducedMotion) return false
    for (let s = 0; s < positions.n; s++) if (positions.state[s] === 3) return true
    return false
  }

  private drawUnits(): void {
    const { anchor } = this.positions
    this.overlay.setProps({
      layers: [
        new SlideLayer({
          id: 'units',
          data: this.unitData,
          coordinateSystem: 'lnglat-offsets',
          coordinateOrigin: [anchor[0], anchor[1], 0],
          radius: this.radius(),
          colors: this.colors(),
          clock: () => this.positions.clock(),
          bearing: () => this.map.getBearing(),
          lively: this.lively,
          pulseSeconds: this.options.reducedMotion ? 0 : PULSE_S,
          hiddenKinds: this.hiddenKinds,
          hiddenStates: this.hiddenStates,
          pickable: false,
          parameters: { depthCompare: 'always', depthWriteEnabled: false },
        }),
      ],
    })
    this.dirty = true
  }

  private listen(): void {
    const { map, events } = this
    map.on('zoom', () => this.drawUnits())
    map.on('move', () => (this.dirty = true))
    map.on('resize', () => {
      this.dirty = true
      const scale = screenScale(map.getContainer())
      if (Math.abs(scale - this.state.scale) < 0.05) return
      this.state = { ...this.state, scale }
      this.restyle()
      this.drawUnits()
    })
    const tell = () => {
      const { lat } = map.getCenter()
      events.onView(this.bbox(), map.getZoom(), (40_075_016.686 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom()))
    }
    map.on('moveend', tell)
    map.once('load', () => {
      tell()
      events.onReady()
    })
    map.on('dragstart', () => events.onGrab())
    map.on('error', ({ error }) => console.warn('map:', error?.message ?? error))
    map.on('click', (event) => this.click(event))
    map.on('mousemove', (event) => this.hover(event))
    map.on('mouseout', () => events.onHover(null, { x: 0, y: 0 }))
  }

  private under(event: MapMouseEvent): number[] {
    const reach = this.radius() + HIT_SLACK
    const { x, y } = event.point
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([sx, sy]) => this.map.unproject([x + sx! * reach * 2, y + sy! * reach * 2]))
    const lons = corners.map((c) => c.lng)
    const lats = corners.map((c) => c.lat)
    const box: Bbox = [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
    return this.positions.hits(event.point, reach, box, (lon, lat) => this.map.project([lon, lat]), this.shown)
  }

  private click(event: MapMouseEvent): void {
    if (this.drawing) return
    if (this.aimed) return this.aimed.act({ lon: event.lngLat.lng, lat: event.lngLat.lat })
    const ids = this.under(event)
    if (ids.length === 0) {
      const layers = CLICKABLE.filter((id) => this.map.getLayer(id))
      const { x, y } = event.point
      const [feature] = this.map.queryRenderedFeatures([[x - 5, y - 5], [x + 5, y + 5]], { layers })
      if (feature) {
        const at = feature.geometry.type === 'Point' ? feature.geometry.coordinates : event.lngLat.toArray()
        this.events.onFeature({ layer: feature.layer.id, properties: feature.properties, lon: at[0]!, lat: at[1]! }, event.point)
        return
      }
    }
    this.events.onPick(ids, event.point)
  }

  private hover(event: MapMouseEvent): void {
    if (this.drawing || this.aimed) return
    const [id] = this.under(event)
    this.map.getCanvas().style.cursor = id === undefined ? '' : 'pointer'
    this.events.onHover(id ?? null, event.point)
    if (!this.track) return
    const point = nearestPoint(this.track, event.point, 14, (p) => this.map.project(p))
    this.setHere(point)
    this.events.onTrackHover(point, event.point)
  }

  /** Redraws names when something moved, and keeps a followed unit in the middle. */
  private tick = (): void => {
    this.frame = requestAnimationFrame(this.tick)
    const { map, positions } = this
    const clock = positions.clock()
    if (this.following && this.chosen !== null && !map.isMoving()) {
      const s = positions.slot(this.chosen)
      if (s >= 0) {
        const [lon, lat] = positions.at(s, clock)
        const centre = map.getCenter()
        if (Math.abs(centre.lng - lon) + Math.abs(centre.lat - lat) > 1e-6) map.setCenter([lon, lat])
      }
    }
    const names = map.getZoom() >= NAMES_FROM_ZOOM
    if (!this.dirty && !((names || this.chosen !== null) && positions.gliding(clock))) return
    this.dirty = false
    const { clientWidth, clientHeight } = map.getContainer()
    this.labels.draw({
      positions, clock,
      palette: PALETTES[this.state.theme],
      width: clientWidth,
      height: clientHeight,
      radius: this.radius(),
      scale: this.state.scale,
      box: this.bbox(),
      showNames: names,
      chosen: this.chosen,
      following: this.following,
      name: (id) => this.names.get(id) ?? null,
      project: (lon, lat) => map.project([lon, lat]),
      shown: this.shown,
    })
  }
}
