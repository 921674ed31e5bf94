/** The map of the working pages: the wall's ground below, the layers being worked on above, a pencil on top. */
import { Map as MapLibreMap, NavigationControl, ScaleControl, setWorkerUrl, type GeoJSONSource, type LayerSpecification, type MapGeoJSONFeature, type MapMouseEvent, type SourceSpecification } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url'

import type { Bbox } from '@/api/types'

import { drawIconsOnDemand } from './icons'
import { GROUPS } from './layers'
import { PALETTES, type Palette, type Theme } from './palette'
import { keepPencil, type Paper } from './paper'
import { buildStyle, NO_DATA, type StyleState } from './style'
import type { Language } from './time'

setWorkerUrl(workerUrl)

/** One layer laid over the ground. Its map layers are named `<key>`, `<key>:line` and so on. */
export interface Overlay {
  key: string
  source: SourceSpecification
  layers(palette: Palette, theme: Theme): LayerSpecification[]
  /** Whether a click may meet its features. */
  pickable: boolean
}

export interface WorkMapOptions {
  container: HTMLElement
  theme: Theme
  language: Language
  title: string
  /** Groups of the ground left out from the start. */
  hidden?: ReadonlySet<string>
  bbox?: Bbox | undefined
}

export interface WorkMapEvents {
  /** Features under the pointer, the topmost first; none: the ground was clicked. */
  onPick?(features: MapGeoJSONFeature[], at: { lon: number; lat: number }, adding: boolean): void
  onMove?(bbox: Bbox, zoom: number): void
  onReady?(): void
}

export class WorkMap implements Paper {
  readonly map: MapLibreMap
  private state: StyleState
  private overlays: readonly Overlay[] = []
  private data = new Map<string, GeoJSON.GeoJSON>()
  private pickable: string[] = []
  private ready = false
  drawing = false

  constructor(options: WorkMapOptions, private readonly events: WorkMapEvents) {
    this.state = {
      theme: options.theme,
      language: options.language,
      hidden: options.hidden ?? new Set(GROUPS.filter((group) => !group.on).map((group) => group.key)),
      opacity: {},
      scale: 1,
      tiles: [],
      data: NO_DATA,
    }
    this.map = new MapLibreMap({
      container: options.container,
      style: buildStyle(this.state),
      ...(options.bbox ? { bounds: options.bbox, fitBoundsOptions: { padding: 24 } } : { center: [120, 30.5] as [number, number], zoom: 9 }),
      minZoom: 5,
      maxZoom: 21,
      pitchWithRotate: false,
      dragRotate: false,
      attributionControl: false,
      fadeDuration: 100,
      boxZoom: false,
      locale: { 'Map.Title': options.title },
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right')
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), 'bottom-left')
    drawIconsOnDemand(this.map)
    this.map.on('error', ({ error }) => console.warn('map:', error?.message ?? error))
    this.map.on('click', (event) => this.click(event))
    this.map.on('mousemove', (event) => {
      if (!this.drawing) this.map.getCanvas().style.cursor = this.under(event, 3).length ? 'pointer' : ''
    })
    this.map.on('moveend', () => this.tell())
    this.map.once('load', () => {
      this.ready = true
      this.restyle()
      this.tell()
      this.events.onReady?.()
    })
  }

  destroy(): void {
    this.map.remove()
  }

  set(change: Partial<Pick<StyleState, 'theme' | 'language' | 'hidden' | 'tiles'>>): void {
    this.state = { ...this.state, ...change }
    this.restyle()
  }

  /** Drawn in this order, the last on top. */
  setOverlays(overlays: readonly Overlay[]): void {
    this.overlays = overlays
    this.restyle()
  }

  /** New data for an overlay whose source is GeoJSON. */
  setData(key: string, data: GeoJSON.GeoJSON): void {
    this.data.set(key, data)
    const live = this.map.getSource<GeoJSONSource>(key)
    live?.setData(data)
  }

  fit(bbox: Bbox, maxZoom = 18): void {
    this.map.fitBounds([bbox[0], bbox[1], bbox[2], bbox[3]], { padding: 48, maxZoom, duration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 700 })
  }

  fly(lon: number, lat: number, zoom = 17): void {
    this.map.easeTo({ center: [lon, lat], zoom: Math.max(this.map.getZoom(), zoom), duration: 700 })
  }

  bbox(): Bbox {
    return this.map.getBounds().toArray().flat() as Bbox
  }

  private tell(): void {
    this.events.onMove?.(this.bbox(), this.map.getZoom())
  }

  private restyle(): void {
    if (!this.ready) return
    const palette = PALETTES[this.state.theme]
    const style = buildStyle(this.state)
    this.pickable = []
    for (const overlay of this.overlays) {
      const own = this.data.get(overlay.key)
      style.sources[overlay.key] = overlay.source.type === 'geojson' && own ? { ...overlay.source, data: own } : overlay.source
      const layers = overlay.layers(palette, this.state.theme)
      style.layers.push(...layers)
      if (overlay.pickable) this.pickable.push(...layers.map(({ id }) => id))
    }
    this.map.setStyle(style, { diff: true, transformStyle: keepPencil })
  }

  private under(event: MapMouseEvent, slack: number): MapGeoJSONFeature[] {
    const layers = this.pickable.filter((id) => this.map.getLayer(id))
    if (layers.length === 0) return []
    const { x, y } = event.point
    return this.map.queryRenderedFeatures([[x - slack, y - slack], [x + slack, y + slack]], { layers })
  }

  private click(event: MapMouseEvent): void {
    if (this.drawing) return
    const exact = this.under(event, 0)
    const features = exact.length ? exact : this.under(event, 5)
    const keys = event.originalEvent
    this.events.onPick?.(features, { lon: event.lngLat.lng, lat: event.lngLat.lat }, keys.shiftKey || keys.ctrlKey || keys.metaKey)
  }
}
