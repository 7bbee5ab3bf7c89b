/* Copyright */
/** Package docs. */
package com.acme.shop;

import java.util.List;
import static com.acme.util.Numbers.round;
import com.acme.price.*;
import static org.junit.Assert.*;

/**
 * A cart.
 * <p>More.
 */
@Service
@Scope("x")
public final class Cart<T extends Item> extends Base<T> implements Priced, java.io.Serializable {
    private static final int LIMIT = 3;
    /** Items. */
    protected List<Item> items = new ArrayList<>(), b;
    static { System.loadLibrary("x"); }

    /** Makes. */
    public Cart(int n) { super(n); }

    /**
     * Adds.
     * @param item x
     */
    @Override
    @Deprecated
    public void add(Item item) throws IOException {
        if (item == null && n > 1) throw new IllegalArgumentException("x");
        try (var r = Files.newBufferedReader(p)) { items.add(item); } catch (IOException | Error e) { System.exit(1); } finally { }
        Runnable r = () -> run(); this.go(Cart::new); assert item != null : "y";
        switch (x) { case 1 -> a(); default -> b(); }
        com.acme.other.Tool.use();
    }
    int packagePrivate() { return 1; }
    interface Inner { int x(); default int y() { return 1; } }
    enum Kind implements I { A("a") { }, B; Kind() {} int m() { return 1; } }
    record Point(int x, int y) { Point { } }
    @interface Note { String value() default ""; }
    @Test public void adds() {}
    public static void main(String[] args) throws Exception { System.out.println("x"); }
}
