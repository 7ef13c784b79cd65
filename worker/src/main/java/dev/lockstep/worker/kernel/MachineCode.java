package dev.lockstep.worker.kernel;

import com.sun.jna.Function;
import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

/** A C function made of machine code. What it is to know it reads through its one argument, a pointer to longs. It stays until the process ends. */
final class MachineCode {
    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE_ANONYMOUS = 0x22;

    private static final int MOST_ARGUMENTS = 16;
    /** Kept, for a step makes thousands of calls. */
    private static final ThreadLocal<Memory> ARGUMENTS =
            ThreadLocal.withInitial(() -> new Memory((long) MOST_ARGUMENTS * Long.BYTES));

    private final Function function;

    private MachineCode(Function function) {
        this.function = function;
    }

    private static final class Functions {
        static {
            Native.register(Functions.class, "c");
        }

        private Functions() {}

        static native Pointer mmap(Pointer at, long bytes, int protection, int flags, int file, long offset)
                throws LastErrorException;

        static native int mprotect(Pointer at, long bytes, int protection) throws LastErrorException;
    }

    /** @throws LastErrorException if the system does not let a process execute what it has written */
    static MachineCode of(byte[] code) {
        Pointer memory = Functions.mmap(Pointer.NULL, code.length, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0);
        memory.write(0, code, 0, code.length);
        Functions.mprotect(memory, code.length, READ | EXECUTE);
        return new MachineCode(Function.getFunction(memory));
    }

    /** @param arguments at most 16; the function may change its copy */
    void call(long[] arguments) {
        Memory copy = ARGUMENTS.get();
        copy.write(0, arguments, 0, arguments.length);
        function.invokeVoid(new Object[] {copy});
    }
}
