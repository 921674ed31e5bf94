import type { ExpressionSpecification } from 'maplibre-gl'

import type { Palette } from '../palette'
import { byZoom, MEDIUM, widthByZoom, type BandLayer, type LayerGroup } from './context'

type RoadClass = keyof Palette['road']

interface RoadLook {
  classes: RoadClass[]
  minzoom: number
  /** Pixels at zooms 10, 13, 16, 19. */
  width: [number, number, number, number]
  textZoom: number
  textSize: [number, number]
}

/** Narrow first: a later entry is drawn over the earlier ones. */
const LOOKS: RoadLook[] = [
  { classes: ['footway'], minzoom: 15, width: [0, 0, 1, 4], textZoom: 17, textSize: [10, 12] },
  { classes: ['service'], minzoom: 14, width: [0, 0.4, 3, 12], textZoom: 16.5, textSize: [10, 12] },
  { classes: ['residential'], minzoom: 12.5, width: [0.2, 0.8, 6, 24], textZoom: 15, textSize: [10.5, 13] },
  { classes: ['tertiary'], minzoom: 11, width: [0.4, 1.6, 9, 34], textZoom: 13.8, textSize: [11, 14] },
  { classes: ['secondary'], minzoom: 9, width: [0.8, 2.6, 12, 44], textZoom: 12.8, textSize: [11, 15] },
  { classes: ['primary'], minzoom: 8, width: [1.3, 3.6, 15, 54], textZoom: 12, textSize: [12, 16] },
  { classes: ['trunk', 'motorway'], minzoom: 6, width: [1.9, 4.6, 18, 62], textZoom: 11.5, textSize: [12, 16] },
]

function isClass(classes: RoadClass[]): ExpressionSpecification {
  return ['in', ['get', 'road_class'], ['literal', classes]]
}

function width([w10, w13, w16, w19]: RoadLook['width'], extra = 0): ExpressionSpecification {
  return widthByZoom(10, w10 + extra * 0.5, 13, w13 + extra * 0.8, 16, w16 + extra * 1.6, 19, w19 + extra * 2.4)
}

export const roads: LayerGroup = {
  key: 'road',
  sources: ['road'],
  on: true,
  build: ({ theme, palette, name }) => {
    const common = { source: 'road', 'source-layer': 'road' }
    const casings: BandLayer[] = []
    const fills: BandLayer[] = []
    const texts: BandLayer[] = []
    for (const look of LOOKS) {
      const id = look.classes[0]!
      const color = look.classes.length > 1 ? (['match', ['get', 'road_class'], look.classes[0]!, palette.road[look.classes[0]!], palette.road[look.classes[1]!]] as ExpressionSpecification) : palette.road[id]
      const fade = byZoom(look.minzoom, 0, look.minzoom + 0.6, 1)
      if (id === 'footway') {
        fills.push({ band: 'road', id: 'road-footway', type: 'line', ...common, minzoom: look.minzoom, filter: isClass(look.classes), layout: { 'line-join': 'round' }, paint: { 'line-color': color, 'line-width': width(look.width), 'line-dasharray': [2, 1.2], 'line-opacity': fade } })
      } else {
        casings.push({ band: 'road', id: `road-${id}-casing`, type: 'line', ...common, minzoom: Math.max(look.minzoom, 11), filter: isClass(look.classes), layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': id === 'trunk' && theme === 'light' ? palette.casingStrong : palette.casing, 'line-width': width(look.width, 1.5), 'line-opacity': fade } })
        fills.push({ band: 'road', id: `road-${id}`, type: 'line', ...common, minzoom: look.minzoom, filter: isClass(look.classes), layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': color, 'line-width': width(look.width), 'line-opacity': fade } })
      }
      texts.unshift({
        band: 'roadText', id: `road-${id}-text`, type: 'symbol', ...common, minzoom: look.textZoom,
        filter: ['all', isClass(look.classes), ['has', 'name']],
        layout: { 'symbol-placement': 'line', 'symbol-spacing': byZoom(12, 260, 16, 420, 19, 700), 'text-field': name, 'text-font': MEDIUM, 'text-size': byZoom(look.textZoom, look.textSize[0], Math.max(17, look.textZoom + 1.5), look.textSize[1]), 'text-letter-spacing': 0.1, 'text-max-angle': 35, 'text-padding': 6, 'text-pitch-alignment': 'viewport' },
        paint: { 'text-color': palette.roadText, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 },
      })
    }
    return [...casings, ...fills, ...texts.reverse()]
  },
}
