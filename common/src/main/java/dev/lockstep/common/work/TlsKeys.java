package dev.lockstep.common.work;

/**
 * The cluster's key and what it trusts: both PKCS#12, both under the same password.
 *
 * @param keyStore path of the store with the cluster's private key
 * @param trustStore path of the store with the one certificate that is trusted
 */
public record TlsKeys(String keyStore, String trustStore, String password) {
    /** Leaves the password out. */
    @Override
    public String toString() {
        return "keys in " + keyStore;
    }
}
