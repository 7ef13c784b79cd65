package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep trace}. */
@Command(
        name = "trace",
        description = {
            "Runs a few exact steps from given weights on a given batch and writes what came out, all as safetensors.",
            "Dropout and stochastic depth are off. Written are loss of each step; logits and grad/NAME of the first;",
            "param/NAME and buffer/NAME after the last. Tensors have torchvision's state_dict names.",
            "Without --weights the seed's initial weights are taken, without another option its default:",
            "data-parallel, fp32, sgd with the learning rate, momentum and weight decay that run has."
        },
        sortOptions = false)
final class Trace implements Callable<Integer> {
    /** The settings that a trace leaves to the user. */
    static final List<RunSetting> SETTINGS = List.of(
            RunSetting.WEIGHTS,
            RunSetting.STRATEGY,
            RunSetting.PRECISION,
            RunSetting.OPTIMIZER,
            RunSetting.LEARNING_RATE,
            RunSetting.MOMENTUM,
            RunSetting.WEIGHT_DECAY,
            RunSetting.NESTEROV,
            RunSetting.MODEL,
            RunSetting.CLASSES,
            RunSetting.MEMORY_FORMAT,
            RunSetting.SEED);

    private final Shell shell;

    @Spec
    CommandSpec spec;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            description = "the batch: inputs F32 [N,3,H,H] and labels I64 [N]")
    Path data;

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "where the trace goes")
    Path out;

    @Option(
            names = "--devices",
            paramLabel = "N",
            defaultValue = "1",
            description = "how many devices take part (default: ${DEFAULT-VALUE})")
    int devices;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "1",
            description = "steps, all on the same batch (default: ${DEFAULT-VALUE})")
    int steps;

    Trace(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Path absoluteOut = shell.absolute(out);
        Map<RunSetting, String> chosen = RunOptions.chosen(spec.commandLine().getParseResult(), SETTINGS);
        // A trace is there to be exact: libtorch's batch norm adds up in float32 in the other format.
        chosen.putIfAbsent(RunSetting.MEMORY_FORMAT, "contiguous");
        TraceOrder order = TraceOrder.of(shell.absolute(data), absoluteOut, devices, steps, chosen);
        CoordinatorClient client = CoordinatorClient.of(shell.runDir());
        shell.interrupt().watch();
        RunView submitted = client.submit(order.byKey());
        shell.out()
                .printf(
                        Locale.ROOT,
                        "run %s traces %s of %s at %d x %d pixels%n",
                        submitted.id(),
                        Messages.count(steps, "step"),
                        Messages.count(order.images(), "image"),
                        order.imageSize(),
                        order.imageSize());
        RunView run = new RunFollower(shell, client).watch(submitted, RunFollower.OnInterrupt.CANCEL);
        ExitStatus status = ExitStatus.ofRun(run.status());
        if (status == ExitStatus.DONE) {
            printLosses(absoluteOut);
            shell.out().println("trace: " + absoluteOut);
        } else {
            shell.err().println(Messages.error(RunFollower.reason(run)));
        }
        return status.code();
    }

    private void printLosses(Path trace) {
        // It is the cluster's work, so that a trace which is not there is no wrong usage.
        try (Safetensors tensors = Safetensors.read(trace)) {
            float[] losses = tensors.floats("loss");
            for (int step = 0; step < losses.length; step++) {
                shell.out().printf(Locale.ROOT, "step %d  loss %.6f%n", step + 1, losses[step]);
            }
        } catch (LockstepException e) {
            throw new CommandException(ExitStatus.FAILED, "the trace cannot be read: " + e.getMessage(), e);
        }
    }
}
