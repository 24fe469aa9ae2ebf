/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Where the API is, fixed at build time. */
  readonly VITE_API_URL?: string;
}

declare module "virtual:theme.css";
