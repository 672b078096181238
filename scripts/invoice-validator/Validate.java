import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.transform.stream.StreamSource;
import net.sf.saxon.s9api.Processor;
import net.sf.saxon.s9api.XdmDestination;
import net.sf.saxon.s9api.Xslt30Transformer;
import net.sf.saxon.s9api.XsltExecutable;
import org.mustangproject.validator.ZUGFeRDValidator;

/**
 * Prints a line for each file: name, SHA-256, verdicts. Arguments: the French rules as XSLT, or `-`; files.
 *
 * Verdicts are the validator's summaries. What wasCompletelyValid() says is not looked at: it is true for a file whose
 * PDF is invalid.
 */
public class Validate {
    public static void main(String[] arguments) throws Exception {
        Processor saxon = new Processor(false);
        XsltExecutable french = arguments[0].equals("-")
            ? null
            : saxon.newXsltCompiler().compile(new StreamSource(new File(arguments[0])));
        for (int index = 1; index < arguments.length; index++) {
            Path file = Path.of(arguments[index]);
            byte[] bytes = Files.readAllBytes(file);
            String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
            StringBuilder line = new StringBuilder(file.getFileName() + " " + hash);
            String report = new ZUGFeRDValidator().validate(file.toString());
            if (file.toString().endsWith(".pdf")) {
                // veraPDF's word on PDF/A; then Mustang's, which wants the metadata of Factur-X as well.
                boolean is3b = report.contains("flavour=3b") && report.contains("isCompliant=true");
                line.append(" pdf/a-3b:").append(is3b ? "valid" : "invalid");
                boolean hasXml = !summary(report, "xml").equals("none");
                line.append(" factur-x:").append(hasXml ? summary(report, "pdf") : "none");
            }
            line.append(" en16931:").append(summary(report, "xml"));
            if (french != null && file.toString().endsWith(".xml") && isForFrance(new String(bytes, "UTF-8"))) {
                line.append(" br-fr:").append(french(saxon, french, file));
            }
            System.out.println(line);
            Matcher error = Pattern.compile("(?s)<error.*?</error>").matcher(report);
            while (error.find()) {
                System.err.println(file.getFileName() + ": " + error.group().replaceAll("\\s+", " "));
            }
        }
    }

    /** What the report says of one part; "none" where there is no such part. */
    static String summary(String report, String part) {
        Matcher inner = Pattern.compile("(?s)<" + part + "[ >].*?</" + part + ">").matcher(report);
        if (!inner.find()) {
            return "none";
        }
        Matcher status = Pattern.compile("<summary status=\"(\\w+)\"").matcher(inner.group());
        return status.find() ? status.group(1) : "none";
    }

    /** Between businesses: it has a process (BT-23), and both parties an electronic address. */
    static boolean isForFrance(String xml) {
        return xml.contains("BusinessProcessSpecified") && xml.split("<ram:URIID ", -1).length == 3;
    }

    static String french(Processor saxon, XsltExecutable rules, Path file) throws Exception {
        Xslt30Transformer transformer = rules.load30();
        XdmDestination result = new XdmDestination();
        transformer.transform(new StreamSource(file.toFile()), result);
        String report = result.getXdmNode().toString();
        Matcher failed = Pattern.compile("(?s)<svrl:failed-assert.*?</svrl:failed-assert>").matcher(report);
        boolean any = false;
        while (failed.find()) {
            any = true;
            System.err.println(file.getFileName() + ": " + failed.group().replaceAll("<[^>]*>|\\s+", " ").trim());
        }
        return any ? "invalid" : "valid";
    }
}
