package dev.lockstep.worker.kernel;

/**
 * Some rows of an image that are made one after the other and used a few at a time: memory for more rows than are used at once, in which those that are
 * still needed move to the front when it is full.
 */
final class RowWindow implements AutoCloseable {
    private final long rowBytes;
    private final int capacity;
    private final VectorMemory rows;

    private int first;
    private int end;

    /** @param capacity in rows */
    RowWindow(long rowBytes, int capacity) {
        this.rowBytes = rowBytes;
        this.capacity = capacity;
        this.rows = new VectorMemory(capacity * rowBytes);
    }

    /** Forgets all rows; the next one to be made is an image's first. */
    void clear() {
        first = 0;
        end = 0;
    }

    /**
     * Makes room for the rows up to some last one.
     *
     * @param needed the first of the rows that were made and are still needed
     * @param newEnd the row after the last one that there must be room for; no further from {@code needed} than the capacity
     */
    void makeRoom(int needed, int newEnd) {
        if (newEnd - first > capacity) {
            long bytes = (end - needed) * rowBytes;
            rows.part(0, bytes).put(rows.part((needed - first) * rowBytes, bytes));
            first = needed;
        }
    }

    /** The row after the last one that was made. */
    int end() {
        return end;
    }

    /** Says that the rows up to some last one have been made. */
    void made(int newEnd) {
        end = newEnd;
    }

    /** Where a row is, or would be if the window went that far. */
    long address(int row) {
        return rows.address() + (row - first) * rowBytes;
    }

    @Override
    public void close() {
        rows.close();
    }
}
