package dev.lockstep.coordinator.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** An executable that is called as a Python would be - SCRIPT probe, or SCRIPT measure SPEC - and does what a test wants. */
public final class FakePython {
    /** What a Python with PyTorch says of itself. */
    public static final String PROBED =
            "{\"executable\": \"'\"$0\"'\", \"python\": \"3.11.2\", \"torch\": \"2.6.0\", \"torchvision\": \"0.21.0\", \"cuda\": null}";

    private FakePython() {}

    /**
     * Makes one.
     *
     * @param onProbe shell commands
     * @param onMeasure shell commands
     */
    public static Path in(Path folder, String onProbe, String onMeasure) throws IOException {
        Path python = Files.createTempFile(
                folder,
                "python",
                "",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Files.writeString(
                python,
                """
                #!/bin/sh
                if [ "$2" = probe ]; then
                :
                %s
                else
                :
                %s
                fi
                """
                        .formatted(onProbe, onMeasure));
        return python;
    }

    /** One whose measurements take these steps. */
    public static Path measuring(Path folder, long parameters, String samplesMillis, String losses) throws IOException {
        return in(folder, "echo '" + PROBED + "'", "echo '" + measured(parameters, samplesMillis, losses) + "'");
    }

    /** The line that a measurement ends with. */
    public static String measured(long parameters, String samplesMillis, String losses) {
        return ("{\"parameters\": %d, \"samplesMillis\": [%s], \"losses\": [%s], \"firstGradientNorm\": 5.0, "
                        + "\"memoryMiB\": {\"perDevice\": [700.5], \"kind\": \"peak-resident\"}, \"amp\": null, "
                        + "\"backend\": null, \"setup\": {\"threads\": 1, \"cudnnBenchmark\": null, \"cudnnLegacyApi\": null, "
                        + "\"tf32Convolutions\": null, \"tf32MatrixProducts\": null}, \"added\": \"by a later version\"}")
                .formatted(parameters, samplesMillis, losses);
    }
}
