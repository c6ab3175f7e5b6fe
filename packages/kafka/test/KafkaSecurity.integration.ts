/**
 * TLS and SASL against a server that takes nothing else.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Broker } from "@daybook/core/Broker"
import { startKafka } from "@daybook/infra/Kafka"
import * as KafkaBroker from "@daybook/kafka/KafkaBroker"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { eventually, freshTopic, idsOf, listen, message } from "./Messages.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kafka-security-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const password = "loopback"

/** A certificate for the loopback address that is its own authority, in a store for the server and in PEM for clients. */
const certify = (path: string): string => {
  const [store, certificate] = [join(path, "server.p12"), join(path, "certificate.pem")]
  const keytool = (...args: ReadonlyArray<string>) =>
    execFileSync("keytool", [...args, "-alias", "node", "-keystore", store, "-storepass", password], { stdio: "pipe" })
  keytool("-genkeypair", "-keyalg", "RSA", "-storetype", "PKCS12", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1")
  keytool("-exportcert", "-rfc", "-file", certificate)
  return certificate
}

const login = "org.apache.kafka.common.security.plain.PlainLoginModule required"

const secured = (path: string) => ({
  "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
  "sasl.enabled.mechanisms": "PLAIN",
  "sasl.mechanism.inter.broker.protocol": "PLAIN",
  "listener.name.plaintext.plain.sasl.jaas.config": `${login} username="node" password="n" user_node="n" user_shop="correct";`,
  "ssl.keystore.type": "PKCS12",
  "ssl.keystore.location": join(path, "server.p12"),
  "ssl.keystore.password": password,
  "ssl.truststore.type": "PKCS12",
  "ssl.truststore.location": join(path, "server.p12"),
  "ssl.truststore.password": password
})

it.live("messages travel encrypted, for a user with the right password only", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const path = yield* folder
      const certificate = certify(path)
      const kafka = yield* Effect.acquireRelease(
        Effect.promise(() => startKafka({ settings: secured(path) })),
        ({ stop }) => Effect.promise(stop)
      )
      const as = (changes: Readonly<Record<string, string>>) => {
        const env = {
          KAFKA_BROKERS: kafka.brokers,
          KAFKA_TLS: "true",
          KAFKA_TLS_CA_FILE: certificate,
          KAFKA_SASL_MECHANISM: "PLAIN",
          KAFKA_SASL_USERNAME: "shop",
          KAFKA_SASL_PASSWORD: "correct",
          ...changes
        }
        return KafkaBroker.layerConfig.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))))
      }
      const topic = freshTopic()
      const publish = Effect.flatMap(Broker, (broker) => broker.publish(topic, [message("a", 0)]))
      yield* Effect.gen(function* () {
        yield* publish
        const group = yield* listen({ topic, group: "readers" })
        yield* eventually(() => group.received.length === 1)
        assert.deepStrictEqual(idsOf(group.received), ["a-0"])
      }).pipe(Effect.scoped, Effect.provide(as({})))
      const refusals = { KAFKA_SASL_PASSWORD: "wrong", KAFKA_TLS_CA_FILE: "" }
      for (const [name, value] of Object.entries(refusals)) {
        const layer =
          name === "KAFKA_TLS_CA_FILE"
            ? KafkaBroker.layer({ brokers: [kafka.brokers], tls: {} })
            : as({ [name]: value })
        const error = yield* publish.pipe(Effect.provide(layer), Effect.flip)
        assert.strictEqual(error._tag, "BrokerUnavailable", name)
        assert.notInclude(JSON.stringify(error), "correct")
      }
    })
  )
)
