/** Rows of an administration list, page by page. */
import { ref, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Query } from '@/api/http'
import { errorText } from '@/wall/text'

export function useRows<T>(fetch: (query: Query) => Promise<{ rows: T[]; next: string | null }>, query: () => Query = () => ({})) {
  const { t } = useI18n()
  const rows = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const busy = ref(false)
  const problem = ref('')

  async function load(more = false): Promise<void> {
    busy.value = true
    problem.value = ''
    try {
      const page = await fetch({ limit: 100, ...query(), cursor: more ? next.value : undefined })
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
