/**
 * Alert tones by WebAudio, no sound files. Info: one soft tone; warning: two; critical: three,
 * again every few seconds until every critical alert is acknowledged, each time a step louder.
 */
export type Severity = 'info' | 'warning' | 'critical'

interface Tone {
  /** Hz of each beep. */
  pitch: number[]
  gain: number
  /** Seconds. */
  length: number
}

const TONES: Record<Severity, Tone> = {
  info: { pitch: [660], gain: 0.08, length: 0.14 },
  warning: { pitch: [740, 588], gain: 0.16, length: 0.18 },
  critical: { pitch: [988, 784, 988], gain: 0.22, length: 0.16 },
}
const REPEAT_MS = 5000
const LOUDEST = 0.5

export class Sound {
  muted = false
  private context: AudioContext | null = null
  private readonly unanswered = new Set<number>()
  private timer: ReturnType<typeof setInterval> | undefined
  private step = 0

  /** True once the browser lets sound out. */
  get unlocked(): boolean {
    return this.context?.state === 'running'
  }

  /** Must run inside a click: browsers keep sound locked until then. */
  async unlock(): Promise<void> {
    this.context ??= new AudioContext()
    await this.context.resume()
    this.beep(TONES.info, TONES.info.gain)
  }

  play(severity: Severity): void {
    this.beep(TONES[severity], TONES[severity].gain)
  }

  /** A critical alert asks again and again until `settle` names it. */
  demand(id: number): void {
    this.unanswered.add(id)
    if (this.timer) return
    this.step = 0
    this.timer = setInterval(() => {
      this.step += 1
      this.beep(TONES.critical, Math.min(LOUDEST, TONES.critical.gain + 0.05 * this.step))
    }, REPEAT_MS)
  }

  settle(id: number): void {
    this.unanswered.delete(id)
    if (this.unanswered.size > 0 || !this.timer) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Keeps asking only for alerts among `ids`. */
  keep(ids: Set<number>): void {
    for (const id of [...this.unanswered]) if (!ids.has(id)) this.settle(id)
  }

  destroy(): void {
    clearInterval(this.timer)
    this.timer = undefined
    void this.context?.close()
    this.context = null
  }

  private beep(tone: Tone, gain: number): void {
    const context = this.context
    if (this.muted || !context || context.state !== 'running') return
    tone.pitch.forEach((hertz, i) => {
      const at = context.currentTime + i * (tone.length + 0.05)
      const oscillator = context.createOscillator()
      const volume = context.createGain()
      oscillator.type = 'triangle'
      oscillator.frequency.value = hertz
      volume.gain.setValueAtTime(0, at)
      volume.gain.linearRampToValueAtTime(gain, at + 0.015)
      volume.gain.exponentialRampToValueAtTime(0.001, at + tone.length)
      oscillator.connect(volume).connect(context.destination)
      oscillator.start(at)
      oscillator.stop(at + tone.length + 0.02)
    })
  }
}
