package dev.lockstep.common.protocol;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.work.TlsKeys;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The Akka configuration of a member: {@code lockstep-common.conf} and what is decided when it starts. */
public final class ClusterConfig {
    /** Name of the actor system, the same on every member. */
    public static final String SYSTEM = "lockstep";

    private ClusterConfig() {}

    /**
     * A member's configuration.
     *
     * @param role {@code coordinator} or {@code worker}
     * @param port to listen on; 0 for any
     * @param seedPort the coordinator's port; the coordinator itself joins by hand and passes null
     * @param tls null for plain TCP
     */
    public static Config of(String role, int port, Integer seedPort, TlsKeys tls) {
        Map<String, Object> decided = new HashMap<>();
        decided.put("akka.cluster.roles", List.of(role));
        decided.put("akka.remote.artery.canonical.port", port);
        if (seedPort != null) {
            decided.put("akka.cluster.seed-nodes", List.of("akka://" + SYSTEM + "@127.0.0.1:" + seedPort));
        }
        if (tls == null) {
            decided.put("akka.remote.artery.transport", "tcp");
        } else {
            String engine = "akka.remote.artery.ssl.config-ssl-engine.";
            decided.put(engine + "key-store", tls.keyStore());
            decided.put(engine + "trust-store", tls.trustStore());
            decided.put(engine + "key-store-password", tls.password());
            decided.put(engine + "key-password", tls.password());
            decided.put(engine + "trust-store-password", tls.password());
        }
        return ConfigFactory.parseMap(decided)
                .withFallback(ConfigFactory.parseResourcesAnySyntax("lockstep-common"))
                .withFallback(ConfigFactory.load());
    }
}
