import { byZoom, colorById, MEDIUM, REGULAR, type LayerGroup } from './context'

export const unitGrids: LayerGroup = {
  key: 'unit_grid',
  sources: ['unit_grid'],
  on: true,
  build: ({ palette }) => [
    { band: 'lines', id: 'unit-grid-line', type: 'line', source: 'unit_grid', 'source-layer': 'unit_grid', minzoom: 14, paint: { 'line-color': palette.unitGrid, 'line-width': byZoom(14, 0.4, 18, 1), 'line-opacity': byZoom(14, 0, 14.6, 0.45), 'line-dasharray': [2, 2] } },
    { band: 'roadText', id: 'unit-grid-text', type: 'symbol', source: 'unit_grid', 'source-layer': 'unit_grid', minzoom: 16.5, layout: { 'text-field': ['get', 'code'], 'text-font': REGULAR, 'text-size': 10, 'text-padding': 30 }, paint: { 'text-color': palette.unitGridText, 'text-halo-color': palette.halo, 'text-halo-width': 1.2, 'text-opacity': 0.85 } },
  ],
}

export const responsibilityGrids: LayerGroup = {
  key: 'responsibility_grid',
  sources: ['responsibility_grid', 'responsibility_grid_label'],
  on: true,
  build: ({ theme, palette, name }) => {
    const color = colorById(palette.grids)
    const common = { source: 'responsibility_grid', 'source-layer': 'responsibility_grid', minzoom: 12.5 }
    return [
      { band: 'area', id: 'responsibility-fill', type: 'fill', ...common, paint: { 'fill-color': color, 'fill-opacity': byZoom(12.5, 0, 13.2, theme === 'dark' ? 0.02 : 0.03, 14.5, 0.045, 16, 0.015) } },
      { band: 'area', id: 'responsibility-line', type: 'line', ...common, layout: { 'line-join': 'round' }, paint: { 'line-color': color, 'line-width': byZoom(12.5, 0.6, 17, 1.8), 'line-offset': byZoom(12.5, 0.6, 17, 2.2), 'line-opacity': byZoom(12.5, 0, 13.2, theme === 'dark' ? 0.22 : 0.3, 14.4, 0.55, 17, 0.75) } },
      { band: 'text', id: 'responsibility-text', type: 'symbol', source: 'responsibility_grid_label', 'source-layer': 'responsibility_grid_label', minzoom: 14.5, layout: { 'text-field': name, 'text-font': MEDIUM, 'text-size': byZoom(14.5, 11, 17, 13), 'text-padding': 20, 'text-max-width': 8 }, paint: { 'text-color': color, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 } },
    ]
  },
}
