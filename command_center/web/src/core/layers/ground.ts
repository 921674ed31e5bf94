import { byZoom, MEDIUM, type LayerGroup } from './context'

/** Districts as the lit ground; what lies beyond stays dim. */
export const ground: LayerGroup = {
  key: 'ground',
  sources: ['area_district'],
  on: true,
  build: ({ palette }) => [
    { band: 'ground', id: 'background', type: 'background', paint: { 'background-color': palette.beyond } },
    { band: 'ground', id: 'district-glow', type: 'line', source: 'area_district', 'source-layer': 'area_district', paint: { 'line-color': palette.district, 'line-width': byZoom(9, 6, 14, 22), 'line-blur': byZoom(9, 6, 14, 20), 'line-opacity': 0.28 } },
    { band: 'ground', id: 'district-ground', type: 'fill', source: 'area_district', 'source-layer': 'area_district', paint: { 'fill-color': palette.ground } },
  ],
}

export const landCover: LayerGroup = {
  key: 'land_cover',
  sources: ['land_cover'],
  on: true,
  build: ({ palette, name }) => [
    { band: 'ground', id: 'green', type: 'fill', source: 'land_cover', 'source-layer': 'land_cover', filter: ['==', ['get', 'kind'], 'green'], paint: { 'fill-color': palette.green } },
    { band: 'ground', id: 'square', type: 'fill', source: 'land_cover', 'source-layer': 'land_cover', filter: ['in', ['get', 'kind'], ['literal', ['square', 'other']]], paint: { 'fill-color': palette.square } },
    { band: 'water', id: 'water', type: 'fill', source: 'land_cover', 'source-layer': 'land_cover', filter: ['==', ['get', 'kind'], 'water'], paint: { 'fill-color': palette.water } },
    { band: 'water', id: 'water-edge', type: 'line', source: 'land_cover', 'source-layer': 'land_cover', filter: ['==', ['get', 'kind'], 'water'], minzoom: 12, paint: { 'line-color': palette.waterEdge, 'line-width': byZoom(12, 0.5, 17, 1.6), 'line-opacity': byZoom(12, 0.3, 14, 0.9) } },
    { band: 'text', id: 'water-text', type: 'symbol', source: 'land_cover', 'source-layer': 'land_cover', minzoom: 11, filter: ['all', ['==', ['get', 'kind'], 'water'], ['has', 'name']], layout: { 'text-field': name, 'text-font': MEDIUM, 'text-size': byZoom(11, 12, 16, 17), 'text-letter-spacing': 0.35, 'text-padding': 120, 'text-max-width': 20 }, paint: { 'text-color': palette.waterText, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 } },
    { band: 'text', id: 'green-text', type: 'symbol', source: 'land_cover', 'source-layer': 'land_cover', minzoom: 13.5, filter: ['all', ['==', ['get', 'kind'], 'green'], ['has', 'name']], layout: { 'text-field': name, 'text-font': MEDIUM, 'text-size': byZoom(13.5, 11, 17, 15), 'text-padding': 40, 'text-max-width': 8 }, paint: { 'text-color': palette.greenText, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 } },
  ],
}
