package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.coordinator.settings.RunSetting;
import dev.lockstep.coordinator.verify.Inputs;
import dev.lockstep.coordinator.verify.TraceCase;
import dev.lockstep.coordinator.verify.Verdict;
import dev.lockstep.coordinator.verify.Verdict.Judgement;
import dev.lockstep.coordinator.verify.Verification;
import dev.lockstep.coordinator.verify.Verification.Comparison;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Takes the traces of a verification on the running cluster, and judges them. */
final class Verifier {
    private final Shell shell;
    private final CoordinatorClient client;

    Verifier(Shell shell, CoordinatorClient client) {
        this.shell = shell;
        this.client = client;
    }

    /**
     * Takes the traces and judges each comparison.
     *
     * @param model its name
     * @throws CommandException if a trace could not be taken, or at Ctrl-C
     */
    Verdict verify(String model, List<Comparison> comparisons) {
        Path folder = makeFolder();
        ExitGuard guard = ExitGuard.holding(() -> Folders.delete(folder));
        try {
            Map<TraceCase, Path> traces = takeTraces(Verification.traces(comparisons), model, folder);
            List<Judgement> judgements = new ArrayList<>();
            for (Comparison comparison : comparisons) {
                try (Safetensors expected = Safetensors.read(traces.get(comparison.expected()));
                        Safetensors actual = Safetensors.read(traces.get(comparison.actual()))) {
                    judgements.add(new Judgement(comparison, comparison.rule().judge(expected, actual)));
                }
            }
            return new Verdict(judgements);
        } catch (LockstepException e) {
            throw new CommandException(ExitStatus.of(e.failure().category()), e.getMessage(), e);
        } finally {
            guard.undo();
        }
    }

    private Path makeFolder() {
        try {
            return Files.createTempDirectory(shell.runDir().path(), "verify-");
        } catch (IOException e) {
            throw new CommandException(
                    ExitStatus.ENVIRONMENT,
                    "there is no place for traces in " + shell.runDir().path() + " (" + Messages.of(e) + ")",
                    e);
        }
    }

    private Map<TraceCase, Path> takeTraces(List<TraceCase> cases, String model, Path folder) {
        Map<TraceCase, Path> traces = new HashMap<>();
        for (int index = 0; index < cases.size(); index++) {
            TraceCase traceCase = cases.get(index);
            shell.out().printf("trace %d of %d: %s%n", index + 1, cases.size(), traceCase.label());
            shell.out().flush();
            traces.put(traceCase, take(traceCase, model, folder, "trace-" + (index + 1)));
        }
        return traces;
    }

    private Path take(TraceCase traceCase, String model, Path folder, String name) {
        Path batch = folder.resolve("batch-" + traceCase.inputs() + "-" + traceCase.devices());
        if (!Files.exists(batch)) {
            traceCase.inputs().write(batch, traceCase.devices());
        }
        Path out = folder.resolve(name);
        Map<RunSetting, String> chosen = new EnumMap<>(Map.of(
                RunSetting.MODEL, model,
                RunSetting.CLASSES, String.valueOf(Inputs.CLASSES),
                RunSetting.STRATEGY, traceCase.strategy().label(),
                RunSetting.PRECISION, traceCase.precision().label(),
                RunSetting.OUTPUT, folder.resolve("report-" + name).toString()));
        if (traceCase.launched()) {
            chosen.put(RunSetting.CUDA_GRAPHS, "false");
        }
        TraceOrder order = TraceOrder.of(batch, out, traceCase.devices(), TraceCase.STEPS, chosen);
        new RunFollower(shell, client).require(client.submit(order.byKey()), "the trace " + traceCase.label());
        return out;
    }
}
