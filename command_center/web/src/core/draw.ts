/** The pencil: terra-draw with snapping to the city's own shapes, and undo and redo by keyboard. */
import {
  TerraDraw, TerraDrawLineStringMode, TerraDrawModeUndoRedo, TerraDrawPointMode, TerraDrawPolygonMode, TerraDrawSelectMode, TerraDrawSessionUndoRedo, TerraDrawUndoRedoKeyboardShortcuts,
  type GeoJSONStoreFeatures, type HexColor, type SnapToCustom,
} from 'terra-draw'
import { TerraDrawMapLibreGLAdapter } from 'terra-draw-maplibre-gl-adapter'

import { snap, type Position } from './snap'
import { PENCIL, type WorkMap } from './workmap'

export type Shape = 'point' | 'line' | 'polygon'
export type Drawn = GeoJSON.Point | GeoJSON.LineString | GeoJSON.Polygon

const MODES: Record<Shape, string> = { point: 'point', line: 'linestring', polygon: 'polygon' }
const REACH_PX = 12
/** Decimal places kept: about a millimetre. */
const PRECISION = 8

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
  snapping = true

  constructor(private readonly work: WorkMap, private readonly events: PencilEvents, color: HexColor) {
    const { map } = work
    const toCustom: SnapToCustom = (event) => {
      if (!this.snapping) return undefined
      const at = { x: event.containerX, y: event.containerY }
      const shapes = this.shapes.length ? this.shapes : this.near(at)
      return snap(at, shapes, REACH_PX, (position) => map.project(position), ({ x, y }) => map.unproject([x, y]).toArray()) ?? undefined
    }
    const snapping = { toCustom }
    const vertex = { midpoints: true, draggable: true, deletable: true, snappable: snapping }
    const whole = { feature: { draggable: true, coordinates: vertex } }
    const line = { lineStringColor: color, lineStringWidth: 3 } as const
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, prefixId: PENCIL, coordinatePrecision: PRECISION }),
      modes: [
        new TerraDrawSelectMode({ flags: { point: { feature: { draggable: true } }, linestring: whole, polygon: whole }, styles: { selectedPolygonColor: color, selectedPolygonOutlineColor: color, selectedLineStringColor: color, selectedPointColor: color, selectionPointColor: '#ffffff', selectionPointOutlineColor: color, selectionPointWidth: 6, midPointColor: color, midPointWidth: 4 } }),
        new TerraDrawPointMode({ styles: { pointColor: color, pointWidth: 7 } }),
        new TerraDrawLineStringMode({ snapping, styles: { ...line, snappingPointColor: color, closingPointColor: color } }),
        new TerraDrawPolygonMode({ snapping, styles: { fillColor: color, fillOpacity: 0.15, outlineColor: color, outlineWidth: 3, snappingPointColor: color, closingPointColor: color } }),
      ],
      undoRedo: { modeLevel: new TerraDrawModeUndoRedo(), sessionLevel: new TerraDrawSessionUndoRedo(), keyboardShortcuts: new TerraDrawUndoRedoKeyboardShortcuts() },
    })
    this.draw.start()
    this.draw.setMode('select')
    this.draw.on('finish', (_id, { action }) => {
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
    const mode = single.type === 'Point' ? 'point' : single.type === 'LineString' ? 'linestring' : 'polygon'
    const id = this.draw.getFeatureId()
    const [answer] = this.draw.addFeatures([{ id, type: 'Feature', geometry: rounded(single), properties: { mode } } as GeoJSONStoreFeatures])
    if (!answer?.valid) {
      console.warn('pencil:', answer?.reason)
      return false
    }
    this.draw.selectFeature(id)
    return true
  }

  shape(): Drawn | null {
    const kinds = new Set(['point', 'linestring', 'polygon'])
    const own = this.draw.getSnapshot().find((feature) => kinds.has(String(feature.properties.mode)) && !Object.keys(feature.properties).some((key) => /Point$/.test(key) && feature.properties[key]))
    return own ? (own.geometry as Drawn) : null
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
    this.draw.stop()
  }

  /** Escape puts the pencil down wherever the focus is. */
  private onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
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
