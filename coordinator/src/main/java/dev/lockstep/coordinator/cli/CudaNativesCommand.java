package dev.lockstep.coordinator.cli;

import dev.lockstep.common.natives.CudaNatives;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code lockstep cuda-natives}. */
@Command(
        name = "cuda-natives",
        description =
                "Prints the folder with the CUDA build of libtorch, which it unpacks first where that is not done "
                        + "yet. start-cluster does so by itself. LOCKSTEP_CUDA_NATIVES names a folder that is unpacked already.")
final class CudaNativesCommand implements Callable<Integer> {
    private final Shell shell;

    CudaNativesCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        shell.out()
                .println(new CudaNatives(System.getenv(), ClusterOptions.cudaNativesJar(shell.home()))
                        .folder(shell.err()::println));
        return ExitStatus.DONE.code();
    }
}
