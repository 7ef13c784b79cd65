package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * The sole use of GPUs among Lockstep's clusters of a machine, whoever's they are: a locked file for each, which the kernel unlocks with
 * the process's end. The files stay, for the next cluster.
 */
public final class GpuLease implements AutoCloseable {
    /** Where every user may make a file, and where a reboot leaves none. */
    public static final Path FOLDER = Path.of("/tmp");

    private static final int MOST_BYTES = 4096;

    private final List<FileChannel> channels = new ArrayList<>();

    private GpuLease() {}

    /**
     * Takes GPUs, all or none.
     *
     * @param folder for the files
     * @param holder who takes them, for whoever else wants them
     * @throws LockstepException ENVIRONMENT when another cluster has one of them
     */
    public static GpuLease take(Collection<Gpu> gpus, Path folder, String holder) {
        GpuLease lease = new GpuLease();
        try {
            for (Gpu gpu : gpus) {
                lease.take(gpu, folder.resolve("lockstep-" + gpu.uuid() + ".lock"), holder);
            }
            return lease;
        } catch (LockstepException e) {
            lease.close();
            throw e;
        }
    }

    private void take(Gpu gpu, Path file, String holder) {
        try {
            FileChannel channel = open(file);
            channels.add(channel);
            FileLock lock = channel.tryLock();
            if (lock == null) {
                throw CudaSupport.lacking(
                        "GPU %d (%s) is in use by another Lockstep cluster: %s: stop that one, or choose other GPUs with --devices"
                                .formatted(gpu.index(), gpu.uuid(), read(channel)));
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "GPU %d cannot be taken, because its lock file cannot be used: %s".formatted(gpu.index(), e),
                    e);
        }
    }

    /** Opens a file that any user may have made; links are not followed, for the folder is everybody's. */
    private static FileChannel open(Path file) throws IOException {
        try {
            FileChannel channel = FileChannel.open(
                    file,
                    Set.of(
                            StandardOpenOption.CREATE_NEW,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            LinkOption.NOFOLLOW_LINKS));
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
            return channel;
        } catch (FileAlreadyExistsException e) {
            // Without asking for its creation: the kernel forbids that for others' files in such a folder.
            return FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        }
    }

    private static String read(FileChannel channel) throws IOException {
        ByteBuffer holder = ByteBuffer.allocate(MOST_BYTES);
        channel.read(holder, 0);
        return new String(holder.array(), 0, holder.position(), StandardCharsets.UTF_8);
    }

    /** Gives them back. */
    @Override
    public void close() {
        for (FileChannel channel : channels) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new LockstepException(
                        FailureCategory.ENVIRONMENT, "a GPU's lock file cannot be closed: " + e.getMessage(), e);
            }
        }
    }
}
