package dev.lockstep.coordinator.data;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.coordinator.data.ImageFolder.Sample;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Photographs in a shuffled order that is new in each epoch. A few threads decode ahead of the steps; what they have ready are
 * cropped 8-bit images, which take a quarter of the room of a batch of floats.
 */
final class ImageFolderSource implements BatchSource {
    /** Folders up to this size are decoded whole when they are opened, which takes seconds; of larger ones just the headers. */
    static final long FULLY_CHECKED_BYTES = 64L << 20;

    private static final int BATCHES_AHEAD = 2;
    private static final AtomicInteger THREADS = new AtomicInteger();

    private final int batch;
    private final InputLayout layout;
    private final EvaluationTransform transform;
    private final EpochOrder order;
    private final ExecutorService decoders;
    private final Queue<Decoding> ahead = new ArrayDeque<>();
    private long nextStep;

    private record Decoding(Sample sample, Future<RgbImage> crop) {}

    private ImageFolderSource(List<Sample> samples, InputLayout layout, int batch, long seed) {
        this.batch = batch;
        this.layout = layout;
        this.transform = new EvaluationTransform(layout);
        this.order = new EpochOrder(samples, seed);
        this.decoders = Executors.newFixedThreadPool(
                Math.max(1, Runtime.getRuntime().availableProcessors() / 2), ImageFolderSource::thread);
        for (long i = 0; i < (long) BATCHES_AHEAD * batch; i++) {
            decodeNext();
        }
    }

    static ImageFolderSource open(Path folder, ModelSpec model, MemoryFormat format, int batch, long seed) {
        List<Sample> samples = ImageFolder.list(folder, model.classes()).samples();
        requireDecodable(samples);
        return new ImageFolderSource(samples, new InputLayout(format, model), batch, seed);
    }

    /** All cores check at once; of several broken images the first in the folder's order is named. */
    private static void requireDecodable(List<Sample> samples) {
        boolean whole =
                samples.stream().mapToLong(sample -> size(sample.file())).sum() <= FULLY_CHECKED_BYTES;
        Optional<LockstepException> failure = samples.parallelStream()
                .map(sample -> failure(sample.file(), whole))
                .flatMap(Optional::stream)
                .findFirst();
        if (failure.isPresent()) {
            throw failure.get();
        }
    }

    private static Optional<LockstepException> failure(Path file, boolean whole) {
        try {
            if (whole) {
                ImageDecoder.decode(file);
            } else {
                ImageDecoder.checkHeader(file);
            }
            return Optional.empty();
        } catch (LockstepException e) {
            return Optional.of(e);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw ImageDecoder.unreadable(file, e);
        }
    }

    @Override
    public void fill(long step, FloatBuffer inputs, LongBuffer labels) {
        if (step != nextStep) {
            throw new IllegalArgumentException("step " + step + " asked for where step " + nextStep + " comes next");
        }
        layout.requireRoom(batch, inputs, labels);
        FloatBuffer images = inputs.duplicate();
        for (int i = 0; i < batch; i++) {
            Decoding decoding = ahead.remove();
            transform.normalise(await(decoding), images);
            labels.put(labels.position() + i, decoding.sample().label());
            decodeNext();
        }
        nextStep++;
    }

    private void decodeNext() {
        Sample sample = order.next();
        try {
            Future<RgbImage> crop = decoders.submit(() -> transform.crop(ImageDecoder.decode(sample.file())));
            ahead.add(new Decoding(sample, crop));
        } catch (RejectedExecutionException e) {
            throw closed(e);
        }
    }

    private static RgbImage await(Decoding decoding) {
        try {
            return decoding.crop().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw closed(e);
        } catch (CancellationException e) {
            throw closed(e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof LockstepException known) {
                throw known;
            }
            throw new LockstepException(
                    FailureCategory.DATA,
                    "the image %s cannot be decoded (%s)"
                            .formatted(decoding.sample().file(), e.getCause()),
                    e);
        }
    }

    private static LockstepException closed(Exception cause) {
        return new LockstepException(FailureCategory.ABORTED, "the batches were given up before they were read", cause);
    }

    @Override
    public boolean constant() {
        return false;
    }

    /** May be called from another thread than {@link #fill}, which then ends with a failure. */
    @Override
    public void close() {
        decoders.shutdownNow().forEach(waiting -> ((Future<?>) waiting).cancel(false));
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "image-decoder-" + THREADS.incrementAndGet());
        thread.setDaemon(true);
        return thread;
    }
}
