import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import components from 'unplugin-vue-components/vite'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` finds the platform; the built app is served by the platform itself. */
const platform = process.env.WANMI_WEB_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), components({ dts: false, dirs: [], resolvers: [ElementPlusResolver()] })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: {
    proxy: {
      '/api': platform,
      '/tiles': platform,
      '/ws': { target: platform.replace(/^http/, 'ws'), ws: true },
    },
  },
  build: {
    outDir: '../webdist',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1200,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'maplibre', test: /node_modules[\\/]maplibre-gl[\\/]dist/ },
            { name: 'deck', test: /node_modules[\\/]@(deck|luma|math|probe|loaders)\.gl[\\/]/ },
            { name: 'element', test: /node_modules[\\/]element-plus[\\/]/ },
            { name: 'vue', test: /node_modules[\\/](@vue|vue|vue-router|pinia|vue-i18n|@intlify|@tanstack)[\\/]/ },
          ],
        },
      },
    },
  },
  test: { environment: 'node', include: ['test/**/*.test.ts'] },
})
