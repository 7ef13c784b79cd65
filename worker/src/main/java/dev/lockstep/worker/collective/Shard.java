package dev.lockstep.worker.collective;

/**
 * A rank's share of a flat buffer: floats from {@code from} to {@code to - 1}. Shards start on cache lines, so that no two ranks
 * write to one. A small buffer is rank 0's alone: to wait for the others' parts would take longer than to do them.
 */
public record Shard(long from, long to) {
    private static final int ALIGNMENT_FLOATS = 16;
    /** 16 KiB. */
    private static final int SMALL_FLOATS = 4 * 1024;

    /** The shard of one of {@code ranks} ranks; all of them together are the whole buffer, without overlap. */
    public static Shard of(int rank, int ranks, long floats) {
        int owners = owners(ranks, floats);
        if (rank >= owners) {
            return new Shard(floats, floats);
        }
        long lines = floats / ALIGNMENT_FLOATS;
        long from = lines * rank / owners * ALIGNMENT_FLOATS;
        long to = rank + 1 == owners ? floats : lines * (rank + 1) / owners * ALIGNMENT_FLOATS;
        return new Shard(from, to);
    }

    /** How many of {@code ranks} ranks, from the first on, have a part of a flat buffer. */
    public static int owners(int ranks, long floats) {
        return isSmall(floats) ? 1 : ranks;
    }

    /** Whether a flat buffer is not worth sharing. */
    static boolean isSmall(long floats) {
        return floats <= SMALL_FLOATS;
    }

    public long floats() {
        return to - from;
    }
}
