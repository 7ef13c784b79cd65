package dev.lockstep.worker.collective;

/**
 * A rank's share of a flat buffer: floats from {@code from} to {@code to - 1}. Shards start on cache lines, so that no two ranks
 * write to one.
 */
public record Shard(long from, long to) {
    private static final int ALIGNMENT_FLOATS = 16;

    /** The shard of one of {@code ranks} ranks; all of them together are the whole buffer, without overlap. */
    public static Shard of(int rank, int ranks, long floats) {
        long lines = floats / ALIGNMENT_FLOATS;
        long from = lines * rank / ranks * ALIGNMENT_FLOATS;
        long to = rank + 1 == ranks ? floats : lines * (rank + 1) / ranks * ALIGNMENT_FLOATS;
        return new Shard(from, to);
    }

    public long floats() {
        return to - from;
    }
}
