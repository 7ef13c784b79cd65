package dev.lockstep.common.plan;

import java.util.ArrayList;
import java.util.List;

/** The scatter rule of {@code torch.nn.DataParallel}, which is that of {@code torch.chunk}. */
public final class Chunks {
    private Chunks() {}

    /**
     * Splits a batch over devices: chunks of ceil(batch / devices) samples, the last one short. There may be fewer chunks than
     * devices; the devices beyond them stay idle.
     *
     * @param batch samples of the whole batch, at least 1
     * @param devices replicas to split over, at least 1
     * @return samples of each chunk, at most {@code devices} of them, none empty
     */
    public static List<Integer> of(int batch, int devices) {
        if (batch < 1 || devices < 1) {
            throw new IllegalArgumentException(
                    "batch " + batch + " over " + devices + " devices: both must be at least 1");
        }
        int size = (batch + devices - 1) / devices;
        List<Integer> chunks = new ArrayList<>();
        for (int start = 0; start < batch; start += size) {
            chunks.add(Math.min(size, batch - start));
        }
        return List.copyOf(chunks);
    }
}
