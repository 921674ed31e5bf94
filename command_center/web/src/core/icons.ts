/** Map icons drawn on a canvas when the map first asks for them; pictograms are Maki's and Temaki's (CC0). */
import bank from '@mapbox/maki/icons/bank.svg?raw'
import building from '@mapbox/maki/icons/building.svg?raw'
import bus from '@mapbox/maki/icons/bus.svg?raw'
import cafe from '@mapbox/maki/icons/cafe.svg?raw'
import charging from '@mapbox/maki/icons/charging-station.svg?raw'
import circle from '@mapbox/maki/icons/circle.svg?raw'
import fireStation from '@mapbox/maki/icons/fire-station.svg?raw'
import fuel from '@mapbox/maki/icons/fuel.svg?raw'
import hospital from '@mapbox/maki/icons/hospital.svg?raw'
import library from '@mapbox/maki/icons/library.svg?raw'
import lodging from '@mapbox/maki/icons/lodging.svg?raw'
import metro from '@mapbox/maki/icons/rail-metro.svg?raw'
import museum from '@mapbox/maki/icons/museum.svg?raw'
import park from '@mapbox/maki/icons/park.svg?raw'
import parking from '@mapbox/maki/icons/parking.svg?raw'
import pharmacy from '@mapbox/maki/icons/pharmacy.svg?raw'
import police from '@mapbox/maki/icons/police.svg?raw'
import post from '@mapbox/maki/icons/post.svg?raw'
import restaurant from '@mapbox/maki/icons/restaurant.svg?raw'
import school from '@mapbox/maki/icons/school.svg?raw'
import shop from '@mapbox/maki/icons/shop.svg?raw'
import theatre from '@mapbox/maki/icons/theatre.svg?raw'
import toilet from '@mapbox/maki/icons/toilet.svg?raw'
import townHall from '@mapbox/maki/icons/town-hall.svg?raw'
import waste from '@mapbox/maki/icons/waste-basket.svg?raw'
import bench from '@rapideditor/temaki/icons/bench.svg?raw'
import billboard from '@rapideditor/temaki/icons/billboard.svg?raw'
import box from '@rapideditor/temaki/icons/power_transformer.svg?raw'
import camera from '@rapideditor/temaki/icons/security_camera.svg?raw'
import guardRail from '@rapideditor/temaki/icons/guard_rail.svg?raw'
import hydrant from '@rapideditor/temaki/icons/fire_hydrant.svg?raw'
import lamp from '@rapideditor/temaki/icons/street_lamp_arm.svg?raw'
import manhole from '@rapideditor/temaki/icons/manhole.svg?raw'
import pole from '@rapideditor/temaki/icons/utility_pole.svg?raw'
import sculpture from '@rapideditor/temaki/icons/sculpture.svg?raw'
import sign from '@rapideditor/temaki/icons/sign_and_pedestrian.svg?raw'
import signals from '@rapideditor/temaki/icons/traffic_signals.svg?raw'
import tree from '@rapideditor/temaki/icons/tree_broadleaved.svg?raw'
import type { ExpressionSpecification, Map as MapLibreMap } from 'maplibre-gl'

import { PALETTES, type Palette, type Theme } from './palette'

const PICTOGRAMS: Record<string, string> = {
  bank, bench, billboard, box, building, bus, cafe, camera, charging, circle, fireStation, fuel, guardRail, hospital, hydrant, lamp, library, lodging, manhole, metro, museum, park, parking, pharmacy, pole, police, post, restaurant, school, sculpture, shop, sign, signals, theatre, toilet, townHall, tree, waste,
}

/** Component subclass (GB/T 30428.2 codes) to pictogram; others take the class's. */
const BY_SUBCLASS: [string, string[]][] = [
  ['manhole', ['0101', '0102', '0103', '0104', '0105', '0106', '0107', '0108', '0109', '0110', '0111', '0112', '0114', '0118', '0123', '0126', '0303']],
  ['hydrant', ['0125']],
  ['box', ['0127', '0128', '0148', '0149']],
  ['pole', ['0130', '0131', '0147']],
  ['lamp', ['0137', '0138', '0139']],
  ['shop', ['0140', '0143', '0144', '0145']],
  ['post', ['0142']],
  ['camera', ['0150']],
  ['police', ['0151']],
  ['charging', ['0154']],
  ['parking', ['0201', '0202', '0225']],
  ['bus', ['0204', '0205']],
  ['sign', ['0129', '0212', '0230', '0302']],
  ['guardRail', ['0217', '0218', '0219', '0220', '0221', '0222']],
  ['toilet', ['0301']],
  ['waste', ['0304', '0305']],
  ['billboard', ['0306', '0307', '0308']],
  ['tree', ['0401', '0402', '0404', '0405']],
  ['park', ['0403']],
  ['sculpture', ['0406']],
  ['bench', ['0407', '0152']],
  ['fuel', ['0503']],
]
const BY_CLASS: Record<string, string> = { '01': 'circle', '02': 'signals', '03': 'waste', '04': 'tree' }

const FACILITIES: [string, string[]][] = [
  ['school', ['school', 'kindergarten', 'university', 'college', 'education']],
  ['hospital', ['hospital', 'clinic', 'doctors', 'health']],
  ['pharmacy', ['pharmacy']],
  ['police', ['police']],
  ['fireStation', ['fire_station']],
  ['townHall', ['townhall', 'government', 'public_building', 'community_centre', 'office']],
  ['bank', ['bank', 'atm']],
  ['post', ['post_office', 'post_box']],
  ['library', ['library']],
  ['museum', ['museum', 'arts_centre', 'gallery', 'attraction']],
  ['theatre', ['theatre', 'cinema']],
  ['bus', ['bus_station', 'bus_stop']],
  ['metro', ['station', 'subway', 'subway_entrance', 'metro_station']],
  ['parking', ['parking', 'bicycle_parking']],
  ['fuel', ['fuel']],
  ['charging', ['charging_station']],
  ['toilet', ['toilets', 'toilet']],
  ['park', ['park', 'garden', 'playground']],
  ['restaurant', ['restaurant', 'fast_food', 'food_court']],
  ['cafe', ['cafe', 'bar', 'pub']],
  ['lodging', ['hotel', 'hostel', 'guest_house']],
  ['shop', ['marketplace', 'market', 'supermarket', 'mall', 'convenience', 'shop']],
  ['waste', ['waste_transfer_station', 'transfer_station', 'recycling', 'waste_basket']],
]

function match(input: ExpressionSpecification, rows: [string, string[]][], fallback: ExpressionSpecification | string): ExpressionSpecification {
  return ['match', input, ...rows.flatMap(([icon, keys]) => [keys, icon]), fallback] as unknown as ExpressionSpecification
}

/** Icon id of a component: `component:pictogram:class:state@theme`. */
export function componentIcon(theme: Theme, broken: ExpressionSpecification): ExpressionSpecification {
  const code: ExpressionSpecification = ['to-string', ['get', 'class_code']]
  const major: ExpressionSpecification = ['slice', code, 0, 2]
  const pictogram = match(['slice', code, 0, 4], BY_SUBCLASS, ['match', major, ...Object.entries(BY_CLASS).flat(), 'circle'] as unknown as ExpressionSpecification)
  return ['concat', 'component:', pictogram, ':', major, ['case', broken, ':broken', ':intact'], `@${theme}`]
}

export function facilityIcon(theme: Theme): ExpressionSpecification {
  return ['concat', 'facility:', match(['get', 'kind'], FACILITIES, 'building'), `@${theme}`]
}

const RATIO = 2

function canvas(size: number): CanvasRenderingContext2D {
  const element = document.createElement('canvas')
  element.width = element.height = size * RATIO
  const context = element.getContext('2d', { willReadFrequently: true })!
  context.scale(RATIO, RATIO)
  return context
}

/** The outlines of a 15×15 pictogram. */
function outlines(svg: string): Path2D {
  const whole = new Path2D()
  for (const [, d] of svg.matchAll(/<path[^>]*?\sd="([^"]+)"/g)) whole.addPath(new Path2D(d!.replace(/&#x[0-9A-F]+;/gi, ' ')))
  return whole
}

function chip(context: CanvasRenderingContext2D, size: number, fill: string, edge: string, square: boolean): void {
  context.beginPath()
  if (square) context.roundRect(1.5, 1.5, size - 3, size - 3, 5)
  else context.arc(size / 2, size / 2, size / 2 - 1.5, 0, 2 * Math.PI)
  context.fillStyle = fill
  context.fill()
  context.lineWidth = 1.4
  context.strokeStyle = edge
  context.stroke()
}

function pictogram(context: CanvasRenderingContext2D, name: string, size: number, ink: string, part: number): void {
  const scale = (size * part) / 15
  context.save()
  context.translate((size - 15 * scale) / 2, (size - 15 * scale) / 2)
  context.scale(scale, scale)
  context.fillStyle = ink
  context.fill(outlines(PICTOGRAMS[name] ?? circle))
  context.restore()
}

function drawComponent(name: string, major: string, broken: boolean, theme: Theme, palette: Palette): CanvasRenderingContext2D {
  const context = canvas(22)
  const color = palette.component[major as keyof Palette['component']] ?? palette.component.other
  chip(context, 22, theme === 'dark' ? '#0a1626' : '#ffffff', broken ? palette.alert.critical : color, false)
  pictogram(context, name, 22, color, 0.6)
  if (broken) {
    context.beginPath()
    context.arc(18, 4, 3.4, 0, 2 * Math.PI)
    context.fillStyle = palette.alert.critical
    context.fill()
  }
  return context
}

function drawFacility(name: string, theme: Theme, palette: Palette): CanvasRenderingContext2D {
  const context = canvas(22)
  chip(context, 22, theme === 'dark' ? '#12263d' : '#ffffff', theme === 'dark' ? '#2d5078' : '#a9bed5', true)
  pictogram(context, name, 22, palette.facility, 0.6)
  return context
}

function drawAlert(severity: keyof Palette['alert'], palette: Palette): CanvasRenderingContext2D {
  const context = canvas(30)
  context.beginPath()
  context.moveTo(15, 3.5)
  context.lineTo(27.5, 25.5)
  context.lineTo(2.5, 25.5)
  context.closePath()
  context.lineJoin = 'round'
  context.lineWidth = 3.4
  context.strokeStyle = palette.unit.rim
  context.stroke()
  context.lineWidth = 1.6
  context.fillStyle = palette.alert[severity]
  context.strokeStyle = palette.alert[severity]
  context.fill()
  context.stroke()
  context.fillStyle = palette.unit.rim
  context.beginPath()
  context.roundRect(13.6, 10.5, 2.8, 8, 1.3)
  context.arc(15, 22, 1.7, 0, 2 * Math.PI)
  context.fill()
  return context
}

function drawTrackMark(role: string, palette: Palette): CanvasRenderingContext2D {
  const size = role === 'start' || role === 'end' ? 22 : role === 'arrow' ? 18 : 10
  const context = canvas(size)
  const half = size / 2
  context.lineJoin = 'round'
  context.beginPath()
  if (role === 'arrow') {
    context.moveTo(half, 3)
    context.lineTo(size - 4, size - 4)
    context.lineTo(half, size - 7)
    context.lineTo(4, size - 4)
    context.closePath()
  } else context.arc(half, half, half - 2, 0, 2 * Math.PI)
  context.lineWidth = 2.4
  context.strokeStyle = palette.trackCasing
  context.fillStyle = role === 'start' ? palette.unit.moving : role === 'end' ? palette.alert.critical : palette.label
  context.stroke()
  context.fill()
  if (role === 'start' || role === 'end') {
    context.fillStyle = palette.trackCasing
    context.beginPath()
    if (role === 'start') {
      context.moveTo(8.5, 6.5)
      context.lineTo(16, 11)
      context.lineTo(8.5, 15.5)
    } else context.rect(7.5, 7.5, 7, 7)
    context.fill()
  }
  return context
}

function draw(id: string): CanvasRenderingContext2D | null {
  const [name = '', theme = 'dark'] = id.split('@')
  const palette = PALETTES[theme as Theme]
  const [family, first = '', second = '', third = ''] = name.split(':')
  switch (family) {
    case 'component':
      return drawComponent(first, second, third === 'broken', theme as Theme, palette)
    case 'facility':
      return drawFacility(first, theme as Theme, palette)
    case 'alert':
      return drawAlert(first as keyof Palette['alert'], palette)
    case 'arrow':
    case 'tick':
    case 'start':
    case 'end':
      return drawTrackMark(family, palette)
    default:
      return null
  }
}

/** Draws each icon the first time the style names it. */
export function drawIconsOnDemand(map: MapLibreMap): void {
  map.setMissingStyleImageResolver((id) => {
    const context = map.hasImage(id) ? null : draw(id)
    if (!context) return
    map.addImage(id, context.getImageData(0, 0, context.canvas.width, context.canvas.height), { pixelRatio: RATIO })
  })
}
