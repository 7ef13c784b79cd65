package dev.lockstep.coordinator.settings;

import java.util.ArrayList;
import java.util.List;

/** JVM options of every process of a cluster. */
public final class JavaOptions {
    /** From here on the JVM prints warnings about what Akka, Agrona and JNA do. */
    private static final int WARNS_OF_UNSAFE_AND_NATIVE_ACCESS = 24;

    private JavaOptions() {}

    /** Options for this JVM's version, the same that starts the others. */
    public static List<String> forThisVersion() {
        // The JVM's counters for tools cost a wake-up every 50 ms, beside the replicas.
        List<String> options = new ArrayList<>(List.of("-XX:-UsePerfData"));
        if (Runtime.version().feature() >= WARNS_OF_UNSAFE_AND_NATIVE_ACCESS) {
            options.addAll(List.of("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"));
        }
        return List.copyOf(options);
    }
}
