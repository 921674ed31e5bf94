/** Times as people at the wall read them: always China Standard Time, whatever the machine says. */
export const ZONE = 'Asia/Shanghai'

const clock = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const minute = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const isoDay = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE, year: 'numeric', month: '2-digit', day: '2-digit' })

export type Language = 'zh' | 'en'

export function clockText(time: number | Date): string {
  return clock.format(time)
}

export function minuteText(time: number | Date): string {
  return minute.format(time)
}

/** `2026-11-20` */
export function dayText(time: number | Date): string {
  return isoDay.format(time)
}

/** `2026-11-20 09:05:00` */
export function stampText(time: number | Date | string): string {
  const at = typeof time === 'string' ? new Date(time) : time
  return `${dayText(at)} ${clockText(at)}`
}

/** 2026年11月20日 星期五, or Friday, 20 November 2026. */
export function dateText(time: number | Date, language: Language): string {
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    timeZone: ZONE,
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    weekday: 'long',
  }).format(time)
}

/** How long ago, in the two largest units that matter: 8秒, 3分12秒, 2时05分, 3天4时. */
export function ageText(seconds: number, language: Language): string {
  const s = Math.max(0, Math.floor(seconds))
  const [d, h, m, sec] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  const words = language === 'zh' ? ['天', '时', '分', '秒'] : ['d', 'h', 'm', 's']
  if (d > 0) return `${d}${words[0]}${h}${words[1]}`
  if (h > 0) return `${h}${words[1]}${two(m)}${words[2]}`
  if (m > 0) return `${m}${words[2]}${two(sec)}${words[3]}`
  return `${sec}${words[3]}`
}

/** Start and end of the day `time` falls on in China, epoch ms. */
export function dayBounds(time: number): [number, number] {
  const start = Date.parse(`${dayText(time)}T00:00:00+08:00`)
  return [start, start + 86_400_000]
}

export function kmh(mps: number): string {
  const value = mps * 3.6
  return value < 10 ? value.toFixed(1) : String(Math.round(value))
}
