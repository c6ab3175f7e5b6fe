import { consumers } from "./ConsumerStores.ts"

consumers("PGlite", { folder: undefined })
