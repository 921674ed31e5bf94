/** Colours of the map in both themes. The panels' colours are CSS variables in theme.css. */

export type Theme = 'dark' | 'light'

export interface Palette {
  /** Beyond the districts, and their ground. */
  beyond: string
  ground: string
  green: string
  square: string
  water: string
  waterEdge: string
  waterText: string
  greenText: string
  buildingFlat: string
  buildingEdge: string
  /** Roof colours from low to high. */
  buildingLow: string
  buildingMid: string
  buildingHigh: string
  road: Record<'motorway' | 'trunk' | 'primary' | 'secondary' | 'tertiary' | 'residential' | 'service' | 'footway', string>
  casing: string
  casingStrong: string
  roadText: string
  halo: string
  district: string
  street: string
  community: string
  districtText: string
  streetText: string
  communityText: string
  unitGrid: string
  unitGridText: string
  /** Responsibility grids take one of these by id, so neighbours differ. */
  grids: string[]
  gridText: string
  route: string
  zone: Record<'timing_area' | 'no_report' | 'fence', string>
  facility: string
  facilityText: string
  /** Component classes 01 to 05, then others. */
  component: Record<'01' | '02' | '03' | '04' | 'other', string>
  componentText: string
  track: string
  trackCasing: string
  trackSlow: string
  trackFast: string
  alert: Record<'info' | 'warning' | 'critical', string>
  unit: Record<'offline' | 'standing' | 'moving' | 'alert' | 'rim', string>
  label: string
  labelHalo: string
}

export const PALETTES: Record<Theme, Palette> = {
  dark: {
    beyond: '#04080f',
    ground: '#0d1929',
    green: '#0e2a26',
    square: '#131f2e',
    water: '#0a2f4d',
    waterEdge: '#16567f',
    waterText: '#4f9fd0',
    greenText: '#4f9c80',
    buildingFlat: '#13233a',
    buildingEdge: '#1d3553',
    buildingLow: '#172a45',
    buildingMid: '#204268',
    buildingHigh: '#2f6596',
    road: {
      motorway: '#c9924a',
      trunk: '#a98755',
      primary: '#5f8fbd',
      secondary: '#3f6c96',
      tertiary: '#2f5274',
      residential: '#233f5b',
      service: '#1b3148',
      footway: '#27455f',
    },
    casing: '#060d17',
    casingStrong: '#04080f',
    roadText: '#a9c3dc',
    halo: '#07101b',
    district: '#2f8fe0',
    street: '#3f79b3',
    community: '#35587c',
    districtText: '#8fd0ff',
    streetText: '#7fb7ea',
    communityText: '#7391b0',
    unitGrid: '#3f7fb5',
    unitGridText: '#5f8bb3',
    grids: ['#2dd4bf', '#a78bfa', '#fbbf24', '#60a5fa', '#f472b6', '#a3e635'],
    gridText: '#c6dbef',
    route: '#7c83ff',
    zone: { timing_area: '#e0b04a', no_report: '#9aa7b8', fence: '#ff8a5b' },
    facility: '#8fb6dc',
    facilityText: '#8aa5c1',
    component: { '01': '#63b3ff', '02': '#ffc35c', '03': '#6be0b0', '04': '#8fd65e', other: '#b9a6ff' },
    componentText: '#9db6cf',
    track: '#38e1ff',
    trackCasing: '#03131d',
    trackSlow: '#2f7bff',
    trackFast: '#ffb020',
    alert: { info: '#4fb3ff', warning: '#ffb020', critical: '#ff4d5e' },
    unit: { offline: '#8796a8', standing: '#ffc24d', moving: '#2fe0a2', alert: '#ff4d5e', rim: '#04101c' },
    label: '#eaf4ff',
    labelHalo: '#04101ce6',
  },
  light: {
    beyond: '#dde4ea',
    ground: '#f4f6f5',
    green: '#d3e8cc',
    square: '#ecebe4',
    water: '#b2d8ee',
    waterEdge: '#8cbfdd',
    waterText: '#2a73a3',
    greenText: '#3f7a45',
    buildingFlat: '#e3e6ea',
    buildingEdge: '#cbd2da',
    buildingLow: '#e6e9ed',
    buildingMid: '#d3dbe5',
    buildingHigh: '#b5c6da',
    road: {
      motorway: '#f2b45c',
      trunk: '#f7cc86',
      primary: '#fde4a9',
      secondary: '#fff4d2',
      tertiary: '#ffffff',
      residential: '#ffffff',
      service: '#fbfbfb',
      footway: '#cfc6b8',
    },
    casing: '#ccd4dc',
    casingStrong: '#cf9440',
    roadText: '#3d4c5c',
    halo: '#ffffff',
    district: '#2563c9',
    street: '#5c86bf',
    community: '#a3b6cb',
    districtText: '#12438f',
    streetText: '#2c5d9e',
    communityText: '#55708d',
    unitGrid: '#6f97c4',
    unitGridText: '#54799f',
    grids: ['#0d9488', '#7c3aed', '#b45309', '#2563eb', '#be185d', '#4d7c0f'],
    gridText: '#24384d',
    route: '#4f46e5',
    zone: { timing_area: '#b07a12', no_report: '#66758a', fence: '#d9541e' },
    facility: '#4a6f97',
    facilityText: '#4a617a',
    component: { '01': '#1d6fc4', '02': '#b8730a', '03': '#0f8a5f', '04': '#4b8b1f', other: '#6d54c9' },
    componentText: '#45586d',
    track: '#0663d6',
    trackCasing: '#ffffff',
    trackSlow: '#1d4ed8',
    trackFast: '#d97706',
    alert: { info: '#1674d1', warning: '#c26a00', critical: '#d3182d' },
    unit: { offline: '#6b7a8c', standing: '#e08a00', moving: '#0a9d6c', alert: '#d3182d', rim: '#ffffff' },
    label: '#13263a',
    labelHalo: '#ffffffee',
  },
}

/** `#rrggbb` or `#rrggbbaa` to 0–1 parts. */
export function rgba(hex: string): [number, number, number, number] {
  const part = (at: number) => (hex.length > at ? parseInt(hex.slice(at, at + 2), 16) / 255 : 1)
  return [part(1), part(3), part(5), part(7)]
}
