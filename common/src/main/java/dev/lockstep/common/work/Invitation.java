package dev.lockstep.common.work;

/**
 * What a spawned worker needs to introduce itself.
 *
 * @param pool where to: the pool's actor reference, as Akka's {@code ActorRefResolver} writes it
 * @param token with what: a secret of this one worker
 */
public record Invitation(String pool, String token) {
    /** Leaves the secret out. */
    @Override
    public String toString() {
        return "to " + pool;
    }
}
