import { createRouter, createWebHistory } from 'vue-router'

import { whenLoggedOut } from '@/api/http'

import { useSession } from './session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'wall', component: () => import('./pages/Wall.vue') },
    { path: '/login', name: 'login', component: () => import('./pages/Login.vue'), meta: { open: true } },
    { path: '/layers', name: 'layers', component: () => import('./pages/Layers.vue') },
    { path: '/import', name: 'import', component: () => import('./pages/Import.vue') },
    { path: '/geocode', name: 'geocode', component: () => import('./pages/Geocode.vue') },
    { path: '/grids', name: 'grids', component: () => import('./pages/Grids.vue') },
    { path: '/areas', name: 'areas', component: () => import('./pages/Areas.vue') },
    { path: '/zones', name: 'zones', component: () => import('./pages/Zones.vue') },
    { path: '/alerts', name: 'alerts', component: () => import('./pages/Alerts.vue') },
    { path: '/rules', name: 'rules', component: () => import('./pages/AlertRules.vue') },
    { path: '/rosters', name: 'rosters', component: () => import('./pages/Rosters.vue') },
    {
      path: '/admin',
      component: () => import('./pages/Admin.vue'),
      children: [
        { path: '', name: 'admin', redirect: '/admin/people' },
        { path: 'people', component: () => import('./pages/admin/People.vue') },
        { path: 'devices', component: () => import('./pages/admin/Devices.vue') },
        { path: 'off-duty', component: () => import('./pages/admin/OffDuty.vue') },
        { path: 'system', component: () => import('./pages/admin/System.vue') },
        { path: 'audit', component: () => import('./pages/admin/Audit.vue') },
        { path: 'dead-letters', component: () => import('./pages/admin/DeadLetters.vue') },
      ],
    },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('./pages/Lost.vue'), meta: { open: true } },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const session = useSession()
  if (!session.known) {
    try {
      await session.load()
    } catch {
      return to.name === 'login' ? true : { name: 'login', query: { next: to.fullPath } }
    }
  }
  if (!session.current) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (to.name === 'wall' && !session.may('map.view') && session.isAdmin) return '/admin/people'
  return true
})

whenLoggedOut(() => {
  useSession().forget()
  if (router.currentRoute.value.name !== 'login') void router.push({ name: 'login', query: { next: router.currentRoute.value.fullPath } })
})
