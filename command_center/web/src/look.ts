import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import type { Theme } from '@/core/palette'
import type { Language } from '@/core/time'
import { preferredLanguage, setLanguage } from '@/i18n'

const KEY = 'wanmi.theme'

/** Theme and language, kept for the next visit; `?theme=` and `?lang=` count for this one only. */
export const useLook = defineStore('look', () => {
  const asked = new URLSearchParams(location.search)
  const theme = ref<Theme>((asked.get('theme') ?? localStorage.getItem(KEY)) === 'light' ? 'light' : 'dark')
  const language = ref<Language>(preferredLanguage())

  watch(theme, (value) => {
    document.documentElement.classList.toggle('dark', value === 'dark')
    document.documentElement.classList.toggle('light', value === 'light')
  }, { immediate: true })
  setLanguage(language.value, false)

  function toggleTheme(): void {
    theme.value = theme.value === 'dark' ? 'light' : 'dark'
    localStorage.setItem(KEY, theme.value)
  }

  function toggleLanguage(): void {
    language.value = language.value === 'zh' ? 'en' : 'zh'
    setLanguage(language.value)
  }

  const isEnglish = computed(() => language.value === 'en')

  /** The English name where there is one and English is spoken. */
  function named(name: string | null | undefined, nameEn: string | null | undefined): string {
    return (isEnglish.value ? nameEn || name : name || nameEn) ?? ''
  }

  return { theme, language, isEnglish, toggleTheme, toggleLanguage, named }
})
