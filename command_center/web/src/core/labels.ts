/** Names beside units and the frame round the chosen one, on a canvas over the map: they glide with the units. */
import type { Palette } from './palette'
import type { Positions } from './positions'

export interface LabelScene {
  positions: Positions
  palette: Palette
  /** Pixels. */
  width: number
  height: number
  radius: number
  scale: number
  /** w, s, e, n of what is visible. */
  box: [number, number, number, number]
  showNames: boolean
  chosen: number | null
  following: boolean
  name(id: number): string | null
  project(lon: number, lat: number): { x: number; y: number }
  shown(kind: number, state: number): boolean
  clock: number
}

const FAMILY = '"Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",sans-serif'
const MOST = 160
const LINE = 16
const SIZE = 12

interface Candidate {
  slot: number
  id: number
  x: number
  y: number
  rank: number
}

export class Labels {
  readonly canvas = document.createElement('canvas')
  private readonly context = this.canvas.getContext('2d')!
  private readonly widths = new Map<string, number>()
  private blank = true

  constructor() {
    this.canvas.className = 'unit-labels'
    this.canvas.setAttribute('aria-hidden', 'true')
  }

  draw(scene: LabelScene): void {
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    const [w, h] = [Math.round(scene.width * ratio), Math.round(scene.height * ratio)]
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h]
    const wanted = scene.showNames || scene.chosen !== null
    if (!wanted && this.blank) return
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.context.clearRect(0, 0, scene.width, scene.height)
    this.blank = !wanted
    if (!wanted) return
    const candidates = this.candidates(scene)
    this.write(scene, candidates)
    const chosen = candidates.find((c) => c.id === scene.chosen)
    if (chosen) this.bracket(scene, chosen)
  }

  private candidates(scene: LabelScene): Candidate[] {
    const { positions, box } = scene
    const found: Candidate[] = []
    for (let s = 0; s < positions.n; s++) {
      const id = positions.id[s]!
      if (!scene.showNames && id !== scene.chosen) continue
      const [lon, lat] = positions.at(s, scene.clock)
      if (lon < box[0] || lat < box[1] || lon > box[2] || lat > box[3]) continue
      if (id !== scene.chosen && !scene.shown(positions.kind[s]!, positions.state[s]!)) continue
      const { x, y } = scene.project(lon, lat)
      const state = positions.state[s]!
      found.push({ slot: s, id, x, y, rank: id === scene.chosen ? 9 : state })
    }
    return found.sort((a, b) => b.rank - a.rank || a.id - b.id).slice(0, MOST)
  }

  private write(scene: LabelScene, candidates: Candidate[]): void {
    const { context } = this
    context.font = `500 ${SIZE * scene.scale}px ${FAMILY}`
    context.textBaseline = 'middle'
    context.lineJoin = 'round'
    const taken: [number, number, number, number][] = []
    for (const c of candidates) {
      const text = scene.name(c.id)
      if (!text) continue
      let width = this.widths.get(text)
      if (width === undefined) {
        width = context.measureText(text).width / scene.scale
        this.widths.set(text, width)
      }
      width *= scene.scale
      const x = c.x + scene.radius * 1.5 + 5
      const spot: [number, number, number, number] = [x - 2, c.y - (LINE * scene.scale) / 2, x + width + 2, c.y + (LINE * scene.scale) / 2]
      if (taken.some((t) => spot[0] < t[2] && spot[2] > t[0] && spot[1] < t[3] && spot[3] > t[1])) continue
      taken.push(spot)
      context.lineWidth = 3.5 * scene.scale
      context.strokeStyle = scene.palette.labelHalo
      context.strokeText(text, x, c.y)
      context.fillStyle = scene.positions.state[c.slot] === 3 ? scene.palette.unit.alert : scene.positions.state[c.slot] === 0 ? scene.palette.unit.offline : scene.palette.label
      context.fillText(text, x, c.y)
    }
  }

  private bracket(scene: LabelScene, { x, y }: Candidate): void {
    const { context } = this
    const half = Math.max(14 * scene.scale, scene.radius * 2.1)
    const arm = half * 0.5
    context.lineWidth = 2
    context.strokeStyle = scene.following ? scene.palette.track : scene.palette.label
    context.shadowColor = scene.palette.labelHalo
    context.shadowBlur = 4
    context.beginPath()
    for (const [sx, sy] of [[-1, -1], [1, -1], [1, 1], [-1, 1]] as const) {
      context.moveTo(x + sx * half, y + sy * (half - arm))
      context.lineTo(x + sx * half, y + sy * half)
      context.lineTo(x + sx * (half - arm), y + sy * half)
    }
    context.stroke()
    context.shadowBlur = 0
  }
}
