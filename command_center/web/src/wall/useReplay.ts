/** Running along a drawn track: play, pause, seek, speed. A pause in reports is passed over. */
import { onBeforeUnmount, ref, watch } from 'vue'

import { placeAt, type TrackPoint, type TrackSummary } from '@/core/track'

export const PACES = [10, 30, 60, 120, 300] as const
const LONGEST_STILL_S = 600

export function useReplay(track: () => TrackSummary | null, show: (point: TrackPoint | null) => void) {
  const playing = ref(false)
  const pace = ref<number>(60)
  /** Epoch s; null: not begun. */
  const time = ref<number | null>(null)
  let frame = 0
  let before = 0

  function seek(to: number): void {
    const here = track()
    if (!here) return
    time.value = Math.min(here.end, Math.max(here.start, to))
    show(placeAt(here, time.value))
  }
  function step(now: number): void {
    const here = track()
    if (!here || !playing.value || time.value === null) return
    let next = time.value + (Math.min(200, now - before) / 1000) * pace.value
    before = now
    const following = here.points.findIndex((point) => point.time > next)
    const [a, b] = [here.points[following - 1], here.points[following]]
    if (a && b && b.time - a.time > LONGEST_STILL_S) next = b.time
    seek(next)
    if (next >= here.end) playing.value = false
    else frame = requestAnimationFrame(step)
  }
  function toggle(): void {
    const here = track()
    if (!here) return
    playing.value = !playing.value
    if (!playing.value) return
    if (time.value === null || time.value >= here.end) seek(here.start)
    before = performance.now()
    frame = requestAnimationFrame(step)
  }
  function stop(): void {
    cancelAnimationFrame(frame)
    playing.value = false
    time.value = null
  }
  watch(track, stop)
  onBeforeUnmount(stop)
  return { playing, pace, time, seek, toggle, stop }
}
