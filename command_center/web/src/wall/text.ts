/** Words for things whose keys come from the server. */
import { useI18n } from 'vue-i18n'

import type { Alert } from '@/api/types'
import { useLook } from '@/look'

export function useText() {
  const { t, te } = useI18n()
  const look = useLook()
  return {
    /** Name of an alert rule; an unknown one shows its key in words. */
    rule: (key: string) => {
      const kind = te(`rule.${key}`) ? key : key.replace(/_\d+$/, '')
      return te(`rule.${kind}`) ? t(`rule.${kind}`) : key.replaceAll('_', ' ')
    },
    unitOf: (alert: Alert) => look.named(alert.unit_name, alert.unit_name_en) || `#${alert.device_id}`,
  }
}

/** What went wrong, in the reader's language where the server said it. */
export function errorText(error: unknown, unreachable: string): string {
  if (error instanceof Error && error.name !== 'TypeError' && error.message && error.constructor.name !== 'Unreachable') return error.message
  return unreachable
}
