import { consumers } from "./ConsumerStores.ts"
import { serverUrl } from "./Stores.ts"

consumers("PostgreSQL", { url: serverUrl() })
