import java.sql.*;
import java.util.*;

/** What a program over JDBC does: prints one line per step. */
public class Query {
  public static void main(String[] args) throws Exception {
    Properties p = new Properties();
    p.setProperty("user", "peerd");
    p.setProperty("password", args[1]);
    try (Connection c = DriverManager.getConnection(args[0], p)) {
      try (PreparedStatement s = c.prepareStatement("SELECT name, rows_copied, created_at, consistent FROM mirrors WHERE name = ? AND rows_copied >= ?")) {
        for (int i = 0; i < 8; i++) {  // From the fifth on it is prepared at the server, and results come in binary form.
          s.setString(1, args[2]);
          s.setLong(2, i);
          try (ResultSet r = s.executeQuery()) {
            while (r.next()) System.out.println("mirror " + r.getString(1) + " " + r.getLong(2) + " " + (r.getTimestamp(3) != null) + " " + r.getBoolean(4));
          }
        }
      }
      DatabaseMetaData m = c.getMetaData();
      System.out.println("server " + m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion());
      try (ResultSet r = m.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
        while (r.next()) System.out.println("table " + r.getString("TABLE_NAME") + " " + r.getString("TABLE_TYPE"));
      }
      try (ResultSet r = m.getColumns(null, "public", "mirrors", "%")) {
        while (r.next()) System.out.println("column " + r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " " + r.getInt("ORDINAL_POSITION"));
      }
      try (ResultSet r = m.getSchemas()) {
        while (r.next()) System.out.println("schema " + r.getString(1));
      }
      try (ResultSet r = m.getCatalogs()) {
        while (r.next()) System.out.println("catalog " + r.getString(1));
      }
      try (ResultSet r = m.getTypeInfo()) {
        while (r.next()) System.out.println("type " + r.getString(1));
      }
      c.setAutoCommit(false);
      try (PreparedStatement s = c.prepareStatement("SELECT n FROM generate_series(1, 100) n WHERE n = ANY (?) OR n > 50 ORDER BY n")) {
        s.setFetchSize(7);
        s.setArray(1, c.createArrayOf("int4", new Integer[] {1, 2}));
        int sum = 0;
        try (ResultSet r = s.executeQuery()) {
          while (r.next()) sum += r.getInt(1);
        }
        System.out.println("sum " + sum);
      }
      c.rollback();
      c.setAutoCommit(true);
      try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT ARRAY['a', 'b'], 1.50::numeric, interval '1 day', now()::date")) {
        r.next();
        System.out.println("array " + Arrays.toString((Object[]) r.getArray(1).getArray()) + " " + r.getBigDecimal(2) + " " + r.getDate(4).toString().length());
      }
      try (Statement s = c.createStatement()) {
        s.executeQuery("SELECT nothere FROM mirrors");
      } catch (SQLException e) {
        System.out.println("error " + e.getSQLState());
      }
      for (ResultSet r : List.of(m.getImportedKeys(null, "public", "mirrors"), m.getProcedures(null, "public", "%"))) {
        while (r.next()) System.out.println("unexpected " + r.getString(3));
        r.close();
      }
    }
  }
}
