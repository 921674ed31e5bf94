/** Which district the wall opens on. */
import type { Area, Unit } from '@/api/types'

const KEY = 'wanmi.district'

/** Districts that hold units, most first; all districts when none does. */
export function districtsWithUnits(areas: Area[], units: Pick<Unit, 'area_code'>[]): Area[] {
  const districts = areas.filter((area) => area.level === 'district' && area.bbox)
  const count = (area: Area) => units.reduce((n, unit) => n + (unit.area_code.startsWith(area.code) ? 1 : 0), 0)
  const counted = districts.map((area) => ({ area, n: count(area) })).sort((a, b) => b.n - a.n)
  return counted.map(({ area }) => area)
}

export function rememberedDistrict(): string | null {
  return localStorage.getItem(KEY)
}

export function rememberDistrict(code: string): void {
  localStorage.setItem(KEY, code)
}
