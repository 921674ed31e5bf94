import type { ExpressionSpecification } from 'maplibre-gl'

import { componentIcon, facilityIcon } from '../icons'
import { byZoom, MEDIUM, REGULAR, type LayerGroup } from './context'

/** Components: coloured dots by class from z15, pictograms from z17, names from z18. */
export const components: LayerGroup = {
  key: 'component',
  sources: ['component'],
  on: true,
  build: ({ theme, palette, name }) => {
    const common = { source: 'component', 'source-layer': 'component' }
    const color: ExpressionSpecification = ['match', ['slice', ['to-string', ['get', 'class_code']], 0, 2], '01', palette.component['01'], '02', palette.component['02'], '03', palette.component['03'], '04', palette.component['04'], palette.component.other]
    const broken: ExpressionSpecification = ['!', ['in', ['coalesce', ['get', 'state'], 'intact'], ['literal', ['intact']]]]
    return [
      { band: 'thing', id: 'component-dot', type: 'circle', ...common, minzoom: 15, maxzoom: 17.1, paint: { 'circle-color': color, 'circle-radius': byZoom(15, 1.1, 17, 3.2), 'circle-opacity': byZoom(15, 0.35, 16, 0.85), 'circle-stroke-color': ['case', broken, palette.alert.warning, palette.halo], 'circle-stroke-width': byZoom(15, 0.3, 16.5, 1) } },
      { band: 'thing', id: 'component-icon', type: 'symbol', ...common, minzoom: 17, layout: { 'icon-image': componentIcon(theme, broken), 'icon-size': byZoom(17, 0.62, 18.2, 0.9, 20, 1.1), 'icon-allow-overlap': true, 'icon-ignore-placement': true } },
      { band: 'text', id: 'component-text', type: 'symbol', ...common, minzoom: 18, layout: { 'text-field': name, 'text-font': REGULAR, 'text-size': 11, 'text-offset': [0, 1.3], 'text-anchor': 'top', 'text-optional': true, 'text-padding': 4 }, paint: { 'text-color': palette.componentText, 'text-halo-color': palette.halo, 'text-halo-width': 1.3 } },
    ]
  },
}

export const facilities: LayerGroup = {
  key: 'facility',
  sources: ['facility'],
  on: true,
  build: ({ theme, palette, name }) => [
    {
      band: 'text', id: 'facility', type: 'symbol', source: 'facility', 'source-layer': 'facility', minzoom: 15.2,
      layout: { 'icon-image': facilityIcon(theme), 'icon-size': byZoom(15.2, 0.72, 18, 1), 'text-field': ['step', ['zoom'], '', 15.6, name], 'text-font': MEDIUM, 'text-size': byZoom(15, 10.5, 18, 12.5), 'text-offset': [0, 0.95], 'text-anchor': 'top', 'text-optional': true, 'text-max-width': 8, 'icon-padding': 6, 'text-padding': 6 },
      paint: { 'text-color': palette.facilityText, 'text-halo-color': palette.halo, 'text-halo-width': 1.5 },
    },
  ],
}

export const routes: LayerGroup = {
  key: 'route',
  sources: ['route'],
  on: false,
  build: ({ palette, name }) => [
    { band: 'area', id: 'route-line', type: 'line', source: 'route', 'source-layer': 'route', minzoom: 11, layout: { 'line-join': 'round', 'line-cap': 'round' }, paint: { 'line-color': palette.route, 'line-width': byZoom(11, 1, 17, 4), 'line-opacity': 0.75 } },
    { band: 'text', id: 'route-text', type: 'symbol', source: 'route', 'source-layer': 'route', minzoom: 13, layout: { 'symbol-placement': 'line', 'text-field': name, 'text-font': MEDIUM, 'text-size': 11.5, 'symbol-spacing': 500 }, paint: { 'text-color': palette.route, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 } },
  ],
}

export const zones: LayerGroup = {
  key: 'zone',
  sources: ['zone'],
  on: false,
  build: ({ palette, name }) => {
    const color: ExpressionSpecification = ['match', ['get', 'kind'], 'timing_area', palette.zone.timing_area, 'no_report', palette.zone.no_report, palette.zone.fence]
    const common = { source: 'zone', 'source-layer': 'zone', minzoom: 10 }
    return [
      { band: 'area', id: 'zone-fill', type: 'fill', ...common, paint: { 'fill-color': color, 'fill-opacity': 0.07 } },
      { band: 'area', id: 'zone-line', type: 'line', ...common, paint: { 'line-color': color, 'line-width': 1.6, 'line-dasharray': [4, 2], 'line-opacity': 0.9 } },
      { band: 'text', id: 'zone-text', type: 'symbol', ...common, layout: { 'text-field': name, 'text-font': MEDIUM, 'text-size': 12, 'text-padding': 60 }, paint: { 'text-color': color, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 } },
    ]
  },
}
