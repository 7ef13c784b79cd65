package dev.lockstep.worker.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.BareOrder;
import dev.lockstep.common.work.BareReport;
import dev.lockstep.common.work.BareSignal;
import dev.lockstep.worker.libtorch.HeapThreads;
import dev.lockstep.worker.step.DjlTrainingEngine;
import dev.lockstep.worker.step.PlainTraining;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A process that trains without Lockstep around it: what {@code lockstep overhead} compares with. It takes {@link BareOrder}s on
 * standard input, answers on standard output as {@link BareSignal} says, and ends with its input. Logs go to standard error.
 */
public final class BareLoop {
    private static final int FAILED = 1;

    private final DjlTrainingEngine engine;
    private final BlockingQueue<String> lines;
    private final PrintStream answers;
    private final ObjectMapper json = new ObjectMapper();

    /**
     * @param engine started on the calling thread
     * @param lines what the driver says
     */
    BareLoop(DjlTrainingEngine engine, BlockingQueue<String> lines, PrintStream answers) {
        this.engine = engine;
        this.lines = lines;
        this.answers = answers;
    }

    /** Takes the number of threads and, separated by commas, the processors to pin them to. */
    public static void main(String[] arguments) throws InterruptedException {
        PrintStream answers = System.out;
        System.setOut(System.err);
        int threads = Integer.parseInt(arguments[0]);
        List<Integer> cpus =
                Arrays.stream(arguments[1].split(",", -1)).map(Integer::valueOf).toList();
        BlockingQueue<String> lines = new LinkedBlockingQueue<>();
        Thread reader = new Thread(() -> readInto(lines), "orders");
        reader.setDaemon(true);
        reader.start();
        // As a worker's training thread.
        HeapThreads.start("training", () -> serve(new DjlTrainingEngine(threads, cpus), lines, answers))
                .join();
        System.exit(FAILED);
    }

    /** Serves until something fails. */
    private static void serve(DjlTrainingEngine engine, BlockingQueue<String> lines, PrintStream answers) {
        try {
            engine.start();
            BareLoop loop = new BareLoop(engine, lines, answers);
            while (true) {
                loop.serve();
            }
        } catch (LockstepException e) {
            System.err.println(e.getMessage());
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void readInto(BlockingQueue<String> lines) {
        try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            // The driver is gone, or wants this process gone: a step that is under way is for no one.
            Runtime.getRuntime().halt(0);
        }
    }

    /** Waits for an order and carries it out. */
    void serve() throws JsonProcessingException, InterruptedException {
        BareOrder order = json.readValue(lines.take(), BareOrder.class);
        try (PlainTraining training = engine.plain(order.training())) {
            PlainTraining.Batch batch = training.syntheticBatch(order.batch());
            for (int step = 0; step < order.warmupSteps(); step++) {
                batch.step();
            }
            answer(BareSignal.READY.name());
            stepUntil(BareSignal.GO, batch);
            answer(json.writeValueAsString(measure(batch, order.steps())));
            stepUntil(BareSignal.STOP, batch);
        }
        answer(BareSignal.RELEASED.name());
    }

    private static BareReport measure(PlainTraining.Batch batch, int steps) {
        List<Long> stepNanos = new ArrayList<>(steps);
        double loss = Double.NaN;
        long last = System.nanoTime();
        for (int step = 0; step < steps; step++) {
            loss = batch.step();
            long now = System.nanoTime();
            stepNanos.add(now - last);
            last = now;
        }
        return new BareReport(stepNanos, loss);
    }

    private void stepUntil(BareSignal signal, PlainTraining.Batch batch) {
        String line = lines.poll();
        while (line == null) {
            batch.step();
            line = lines.poll();
        }
        if (!line.equals(signal.name())) {
            throw new IllegalStateException("expected " + signal + ", not " + line);
        }
    }

    private void answer(String line) {
        answers.println(line);
        answers.flush();
    }
}
