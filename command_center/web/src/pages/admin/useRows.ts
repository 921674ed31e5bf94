/** Rows of an administration list, page by page. */
import { ref, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'

import { api } from '@/api/client'
import type { Query } from '@/api/http'
import type { Row } from '@/api/types'
import { errorText } from '@/wall/text'

export function useRows(path: string, query: () => Query = () => ({})) {
  const { t } = useI18n()
  const rows = shallowRef<Row[]>([])
  const next = ref<string | null>(null)
  const busy = ref(false)
  const problem = ref('')

  async function load(more = false): Promise<void> {
    busy.value = true
    problem.value = ''
    try {
      const page = await api.rows(path, { ...query(), cursor: more ? next.value : undefined })
      rows.value = more ? [...rows.value, ...page.rows] : page.rows
      next.value = page.next
    } catch (error) {
      problem.value = errorText(error, t('common.unreachable'))
    } finally {
      busy.value = false
    }
  }
  void load()
  return { rows, next, busy, problem, load }
}

/** A cell's text: objects as their name, or as JSON. */
export function cell(value: unknown): string {
  if (value == null || value === '') return '–'
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.map(cell).join('、')
  const named = value as { name?: unknown }
  return typeof named.name === 'string' ? named.name : JSON.stringify(value)
}
