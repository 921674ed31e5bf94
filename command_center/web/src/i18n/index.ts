import { createI18n } from 'vue-i18n'

import { speak } from '@/api/http'
import type { Language } from '@/core/time'

import en from './en.json'
import zh from './zh.json'

const KEY = 'wanmi.language'

export function preferredLanguage(): Language {
  const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem(KEY) ?? 'zh'
  return asked.startsWith('en') ? 'en' : 'zh'
}

export const i18n = createI18n({ legacy: false, locale: preferredLanguage(), fallbackLocale: 'zh', messages: { zh, en } })

export function setLanguage(language: Language, keep = true): void {
  i18n.global.locale.value = language
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  document.title = i18n.global.t('app.title')
  speak(language === 'zh' ? 'zh-CN' : 'en')
  if (keep) localStorage.setItem(KEY, language)
}
