package dev.lockstep.coordinator.cluster;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.TlsKeys;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.util.HexFormat;
import java.util.List;

/** The key that every member of a cluster holds, and the only one it trusts: made anew for each cluster. */
final class ClusterKeys {
    private static final String ALIAS = "lockstep";
    private static final String PASSWORD_VARIABLE = "LOCKSTEP_STORE_PASSWORD";
    private static final int PASSWORD_BYTES = 24;

    private ClusterKeys() {}

    /**
     * Makes a self-signed key with the JDK's keytool. The password is kept in memory and in the workers' environment only, so the files
     * are of no use once the cluster is gone.
     *
     * @param folder private to the user
     */
    static TlsKeys create(Path folder) {
        Path keyStore = folder.resolve("cluster.p12");
        Path trustStore = folder.resolve("trusted.p12");
        byte[] random = new byte[PASSWORD_BYTES];
        new SecureRandom().nextBytes(random);
        String password = HexFormat.of().formatHex(random);
        try {
            Files.createDirectories(folder);
            Files.deleteIfExists(keyStore);
            keytool(keyStore, password);
            writeTrustStore(keyStore, trustStore, password.toCharArray());
        } catch (IOException | GeneralSecurityException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "the cluster's key could not be made: " + e.getMessage(), e);
        }
        return new TlsKeys(keyStore.toString(), trustStore.toString(), password);
    }

    private static void keytool(Path keyStore, String password) throws IOException {
        Path tool = Path.of(System.getProperty("java.home"), "bin", "keytool");
        ProcessBuilder builder = new ProcessBuilder(List.of(
                tool.toString(),
                "-genkeypair",
                "-alias",
                ALIAS,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-dname",
                "CN=lockstep",
                "-validity",
                "365",
                "-storetype",
                "PKCS12",
                "-keystore",
                keyStore.toString(),
                "-storepass:env",
                PASSWORD_VARIABLE));
        builder.environment().put(PASSWORD_VARIABLE, password);
        Process process = builder.redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(tool + " failed: " + output.strip());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while " + tool + " ran", e);
        }
    }

    /** A store with the certificate alone: a key entry is not taken for a trusted certificate. */
    private static void writeTrustStore(Path keyStore, Path trustStore, char[] password)
            throws IOException, GeneralSecurityException {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream stream = Files.newInputStream(keyStore)) {
            keys.load(stream, password);
        }
        Certificate certificate = keys.getCertificate(ALIAS);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, password);
        trusted.setCertificateEntry(ALIAS, certificate);
        try (OutputStream stream = Files.newOutputStream(trustStore)) {
            trusted.store(stream, password);
        }
    }
}
