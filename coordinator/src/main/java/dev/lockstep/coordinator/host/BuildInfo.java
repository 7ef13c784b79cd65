package dev.lockstep.coordinator.host;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * Which Lockstep this is, as the build wrote it down.
 *
 * @param commit of the checkout it was built from, with {@code -dirty} behind it if that had changes; null outside a checkout
 */
public record BuildInfo(String version, String commit) {
    /** Reads {@code lockstep-build.properties}. */
    public static BuildInfo load() {
        Properties properties = new Properties();
        try (InputStream stream = BuildInfo.class.getResourceAsStream("/lockstep-build.properties")) {
            properties.load(stream);
        } catch (IOException e) {
            throw new UncheckedIOException("lockstep-build.properties cannot be read", e);
        }
        String commit = properties.getProperty("commit");
        boolean known = !commit.isEmpty() && !commit.startsWith("${");
        String suffix = Boolean.parseBoolean(properties.getProperty("dirty")) ? "-dirty" : "";
        return new BuildInfo(properties.getProperty("version"), known ? commit + suffix : null);
    }
}
