/** The pencil: terra-draw with snapping to the city's own shapes, and undo and redo by keyboard. */
import {
  TerraDraw, TerraDrawLineStringMode, TerraDrawModeUndoRedo, TerraDrawPointMode, TerraDrawPolygonMode, TerraDrawSelectMode, TerraDrawSessionUndoRedo, TerraDrawUndoRedoKeyboardShortcuts,
  type GeoJSONStoreFeatures, type HexColor, type SnapToCustom,
} from 'terra-draw'
import { Marker } from 'maplibre-gl'
import { TerraDrawMapLibreGLAdapter } from 'terra-draw-maplibre-gl-adapter'

import { geometryOf, piecesOf, type Piece } from './parts'
import { PENCIL, type Paper } from './paper'
import { snap, type Position } from './snap'

type FeatureId = NonNullable<GeoJSONStoreFeatures['id']>
export type Shape = 'point' | 'line' | 'polygon'
export type Drawn = GeoJSON.Point | GeoJSON.LineString | GeoJSON.Polygon
/** What a shape in hand may grow into. */
export type Whole = NonNullable<ReturnType<typeof geometryOf>>

const MODES: Record<Shape, string> = { point: 'point', line: 'linestring', polygon: 'polygon' }
const REACH_PX = 12
/** Decimal places kept: about a millimetre. */
const PRECISION = 8
const HOLE: HexColor = '#ffd24d'

export interface PencilEvents {
  /** The shape as it now is; null once it is gone. */
  onChange(shape: Drawn | null): void
  /** A new shape was finished by double click, Enter or a click on its first corner. */
  onFinish(shape: Drawn): void
  /** The pencil was put down with Escape. */
  onCancel(): void
}

export class Pencil {
  private readonly draw: TerraDraw
  private shapes: readonly GeoJSON.Geometry[] = []
  private cancelled = false
  /** Rings that are cut out. */
  private holes = new Set<FeatureId>()
  /** What is drawn next belongs to the shape in hand. */
  private adding: 'part' | 'hole' | null = null
  private readonly mark: Marker
  snapping = true

  constructor(private readonly work: Paper, private readonly events: PencilEvents, color: HexColor) {
    const { map } = work
    this.mark = new Marker({ element: snapMark(color), anchor: 'center' })
    const toCustom: SnapToCustom = (event) => {
      if (!this.snapping) return undefined
      const at = { x: event.containerX, y: event.containerY }
      const shapes = this.shapes.length ? this.shapes : this.near(at)
      const found = snap(at, shapes, REACH_PX, (position) => map.project(position), ({ x, y }) => map.unproject([x, y]).toArray())
      if (found) this.mark.setLngLat(found).addTo(map)
      else this.mark.remove()
      return found ?? undefined
    }
    const snapping = { toCustom }
    const vertex = { midpoints: true, draggable: true, deletable: true, snappable: snapping }
    const whole = { feature: { draggable: true, coordinates: vertex } }
    const fill = ({ id }: GeoJSONStoreFeatures): HexColor => (id !== undefined && this.holes.has(id) ? HOLE : color)
    const line = { lineStringColor: color, lineStringWidth: 3 } as const
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, prefixId: PENCIL, coordinatePrecision: PRECISION }),
      modes: [
        new TerraDrawSelectMode({ pointerDistance: REACH_PX, flags: { point: { feature: { draggable: true } }, linestring: whole, polygon: whole }, styles: { selectedPolygonColor: fill, selectedPolygonFillOpacity: 0.35, selectedPolygonOutlineColor: fill, selectedLineStringColor: color, selectedPointColor: color, selectionPointColor: '#ffffff', selectionPointOutlineColor: color, selectionPointWidth: 6, midPointColor: color, midPointWidth: 4 }, keyEvents: { deselect: null, delete: null, rotate: null, scale: null } }),
        new TerraDrawPointMode({ styles: { pointColor: color, pointWidth: 7 } }),
        new TerraDrawLineStringMode({ snapping, pointerDistance: REACH_PX, styles: { ...line, snappingPointColor: color, closingPointColor: color } }),
        new TerraDrawPolygonMode({ snapping, pointerDistance: REACH_PX, styles: { fillColor: fill, fillOpacity: 0.15, outlineColor: fill, outlineWidth: 3, snappingPointColor: color, closingPointColor: color } }),
      ],
      undoRedo: { modeLevel: new TerraDrawModeUndoRedo(), sessionLevel: new TerraDrawSessionUndoRedo(), keyboardShortcuts: new TerraDrawUndoRedoKeyboardShortcuts() },
    })
    this.draw.start()
    this.draw.setMode('select')
    this.draw.on('finish', (id, { action }) => {
      this.mark.remove()
      if (action === 'draw' && this.adding) return this.added(id)
      const shape = this.shape()
      if (!shape || this.cancelled) return
      if (action === 'draw') this.events.onFinish(shape)
      this.events.onChange(shape)
    })
    this.draw.on('history', () => this.events.onChange(this.shape()))
    this.work.drawing = true
    window.addEventListener('keydown', this.onKey, true)
  }

  /** Exact shapes to snap to. Without them the map's own drawing serves, whose tiles end at borders of their own. */
  snapTo(shapes: readonly GeoJSON.Geometry[]): void {
    this.shapes = shapes
  }

  /** Start a new shape; what was drawn before goes. */
  begin(shape: Shape): void {
    this.draw.clear()
    this.cancelled = false
    this.draw.setMode(MODES[shape])
  }

  /** Take an existing shape in hand: its corners can be moved. A MultiPolygon of one part counts. */
  take(geometry: GeoJSON.Geometry): boolean {
    const single = unwrap(geometry)
    if (!single) return false
    this.draw.clear()
    this.holes.clear()
    const id = this.draw.getFeatureId()
    const [answer] = this.draw.addFeatures([{ id, type: 'Feature', geometry: rounded(single), properties: { mode: modeOf(single) } } as GeoJSONStoreFeatures])
    if (!answer?.valid) {
      console.warn('pencil:', answer?.reason)
      return false
    }
    this.draw.selectFeature(id)
    return true
  }

  /** Take a shape with all its parts and holes in hand, each of them by itself. */
  takeAll(geometry: GeoJSON.Geometry): boolean {
    this.draw.clear()
    this.holes.clear()
    const pieces = piecesOf(geometry)
    const features = pieces.map(({ shape }) => ({ id: this.draw.getFeatureId(), type: 'Feature', geometry: rounded(shape), properties: { mode: modeOf(shape) } }) as GeoJSONStoreFeatures)
    features.forEach(({ id }, i) => pieces[i]!.hole && this.holes.add(id!))
    const wrong = this.draw.addFeatures(features).find(({ valid }) => !valid)
    if (wrong || !features.length) {
      console.warn('pencil:', wrong?.reason)
      return false
    }
    this.draw.clearUndoRedoHistory()
    this.draw.selectFeature(features[0]!.id!)
    return true
  }

  /** Draw another part, or a hole, of the shape in hand. */
  grow(kind: 'part' | 'hole'): void {
    const mode = this.pieces()[0]?.feature.properties.mode
    if (typeof mode !== 'string') return
    this.adding = kind
    this.draw.setMode(mode)
  }

  /** Take the chosen part or hole away; the last part stays. False where none was chosen or it was the last. */
  shrink(): boolean {
    const chosen = this.pieces().find(({ feature }) => feature.properties.selected)
    if (!chosen || (!chosen.piece.hole && this.pieces().filter(({ piece }) => !piece.hole).length < 2)) return false
    const id = chosen.feature.id!
    this.draw.deselectFeature(id)
    this.draw.removeFeatures([id])
    this.events.onChange(this.shape())
    return true
  }

  /** All parts and holes as one shape; null where a hole lies in no part. */
  whole(): Whole | null {
    return geometryOf(this.pieces().map(({ piece }) => piece))
  }

  shape(): Drawn | null {
    return (this.pieces()[0]?.feature.geometry as Drawn | undefined) ?? null
  }

  private pieces(): { feature: GeoJSONStoreFeatures; piece: Piece }[] {
    const kinds = new Set(['point', 'linestring', 'polygon'])
    const own = this.draw.getSnapshot().filter(({ properties }) => kinds.has(String(properties.mode)) && !Object.keys(properties).some((key) => /(Point|Drawing)$/i.test(key) && properties[key]))
    return own.map((feature) => ({ feature, piece: { hole: this.holes.has(feature.id!), shape: feature.geometry as Drawn } }))
  }

  private added(id: FeatureId): void {
    if (this.adding === 'hole') this.holes.add(id)
    this.adding = null
    this.draw.setMode('select')
    this.draw.selectFeature(id)
    this.events.onChange(this.shape())
  }

  undo(): void {
    this.draw.undo()
  }
  redo(): void {
    this.draw.redo()
  }

  destroy(): void {
    window.removeEventListener('keydown', this.onKey, true)
    this.work.drawing = false
    this.mark.remove()
    this.draw.stop()
  }

  /** Escape ends the part being drawn, else puts the pencil down, wherever the focus is. */
  private onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
    if (this.adding) {
      this.adding = null
      this.draw.setMode('select')
      event.stopPropagation()
      return
    }
    this.cancelled = true
    event.stopPropagation()
    this.events.onCancel()
  }

  private near({ x, y }: { x: number; y: number }): GeoJSON.Geometry[] {
    const { map } = this.work
    const r = REACH_PX
    return map.queryRenderedFeatures([[x - r, y - r], [x + r, y + r]]).filter((feature) => !feature.source.startsWith(PENCIL) && feature.layer.type !== 'symbol').slice(0, 40).map((feature) => feature.geometry)
  }
}

/** The ring that shows where the next corner snaps to. */
function snapMark(color: string): HTMLElement {
  const element = document.createElement('div')
  element.dataset.test = 'snap'
  element.style.cssText = `width:18px;height:18px;border:3px solid ${color};border-radius:50%;box-shadow:0 0 0 2px #fff,inset 0 0 0 1px #fff;pointer-events:none;z-index:4`
  return element
}

function modeOf({ type }: Drawn): string {
  return type === 'Point' ? 'point' : type === 'LineString' ? 'linestring' : 'polygon'
}

function unwrap(geometry: GeoJSON.Geometry): Drawn | null {
  switch (geometry.type) {
    case 'Point': case 'LineString': return geometry
    case 'Polygon': return geometry.coordinates.length === 1 ? geometry : null
    case 'MultiPoint': return geometry.coordinates.length === 1 ? { type: 'Point', coordinates: geometry.coordinates[0]! } : null
    case 'MultiLineString': return geometry.coordinates.length === 1 ? { type: 'LineString', coordinates: geometry.coordinates[0]! } : null
    case 'MultiPolygon': return geometry.coordinates.length === 1 && geometry.coordinates[0]!.length === 1 ? { type: 'Polygon', coordinates: geometry.coordinates[0]! } : null
    default: return null
  }
}

function rounded(shape: Drawn): Drawn {
  const round = (position: GeoJSON.Position): Position => [Number(position[0]!.toFixed(PRECISION)), Number(position[1]!.toFixed(PRECISION))]
  if (shape.type === 'Point') return { type: 'Point', coordinates: round(shape.coordinates) }
  if (shape.type === 'LineString') return { type: 'LineString', coordinates: shape.coordinates.map(round) }
  return { type: 'Polygon', coordinates: shape.coordinates.map((ring) => ring.map(round)) }
}
