package dev.lockstep.worker.cuda;

import dev.lockstep.common.failure.LockstepException;
import java.nio.file.Path;
import java.util.HexFormat;

/** Calls what can be called of the real NCCL, and prints what it says; runs in a process of its own. */
final class NcclProbe {
    private NcclProbe() {}

    public static void main(String[] arguments) {
        NcclLibrary nccl = NcclLibrary.load(Path.of(arguments[0]));
        System.out.println("version: " + nccl.version());
        byte[] id = nccl.createUniqueId();
        // A random number, then the address to come to: family, port, IPv4 address.
        System.out.println("family: " + id[8] + ", address: " + HexFormat.of().formatHex(id, 12, 16));
        Nccl.Joining joining = nccl.join(1, id, 0);
        System.out.println(
                "joining: " + joining.result() + " " + nccl.describe(joining.result()) + " " + nccl.lastError());
        try {
            NcclLibrary.load(Path.of("/"));
        } catch (LockstepException e) {
            System.out.println("elsewhere: " + e.failure().category());
        }
        // The library's threads would keep the process.
        Runtime.getRuntime().halt(0);
    }
}
