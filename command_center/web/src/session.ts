import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api } from '@/api/client'
import { ProblemError } from '@/api/http'
import type { Permission, Session } from '@/api/types'

/** Who is logged in and what that person may do. */
export const useSession = defineStore('session', () => {
  const current = ref<Session | null>(null)
  const known = ref(false)

  async function load(): Promise<Session | null> {
    try {
      current.value = await api.session()
    } catch (error) {
      if (!(error instanceof ProblemError && error.status === 401)) throw error
      current.value = null
    }
    known.value = true
    return current.value
  }

  async function login(name: string, password: string): Promise<Session> {
    current.value = await api.login(name, password)
    known.value = true
    return current.value
  }

  async function logout(): Promise<void> {
    await api.logout()
    current.value = null
  }

  function forget(): void {
    current.value = null
  }

  function may(permission: Permission): boolean {
    return current.value?.permissions.includes(permission) ?? false
  }

  const isAdmin = computed(() => (['people.manage', 'devices.manage', 'audit.view', 'system.view', 'dead_letters.view'] as const).some(may))

  return { current, known, load, login, logout, forget, may, isAdmin }
})
