package dev.lockstep.worker.actor;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.failure.MemoryTexts;
import dev.lockstep.worker.libtorch.HeapThreads;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread that touches the engine. Work runs in the order it is given. */
final class TrainingThread implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TrainingThread.class);

    private final BlockingQueue<Runnable> waiting = new LinkedBlockingQueue<>();
    private final Thread thread = HeapThreads.start("training", this::work);

    private void work() {
        try {
            while (true) {
                waiting.take().run();
            }
        } catch (InterruptedException e) {
            // It is closed.
            Thread.currentThread().interrupt();
        }
    }

    /** Runs {@code work}; exactly one of the two is then called, on this thread. */
    <T> void submit(Supplier<T> work, Consumer<T> onSuccess, Consumer<Failure> onFailure) {
        waiting.add(() -> {
            T result;
            try {
                result = work.get();
            } catch (LockstepException e) {
                LOG.warn("{}", e.getMessage(), e.getCause());
                onFailure.accept(e.failure());
                return;
            } catch (RuntimeException | Error e) {
                LOG.error("the training thread failed", e);
                onFailure.accept(describe(e));
                return;
            }
            onSuccess.accept(result);
        });
    }

    /** libtorch reports a failed allocation as an engine exception whose text alone tells what it is. */
    private static Failure describe(Throwable thrown) {
        String text = String.valueOf(thrown.getMessage());
        String firstLine = text.lines().findFirst().orElse("");
        boolean outOfMemory = thrown instanceof OutOfMemoryError || MemoryTexts.tell(text);
        return new Failure(
                outOfMemory ? FailureCategory.OUT_OF_MEMORY : FailureCategory.INTERNAL,
                thrown.getClass().getSimpleName() + ": " + firstLine);
    }

    @Override
    public void close() {
        waiting.clear();
        thread.interrupt();
    }
}
